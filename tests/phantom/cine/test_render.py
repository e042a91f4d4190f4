import numpy as np
import pytest

from phantom.cine.hearts import NAMES, fitted
from vesalius.phantom.cine import paint
from vesalius.phantom.cine.labels import LV, MYOCARDIUM, RV, label
from vesalius.phantom.cine.render import HeartPainter, add_noise, banding, coil_shading, draw_details

GRID = fitted("patient001")[1]


@pytest.fixture(scope="module", params=["NOR", "HCM", "RV"])
def painted(request):
    _, grid, heart = fitted(NAMES[request.param], size=128)
    painter = HeartPainter(heart, grid, draw_details(heart, 25.0, 0.0, np.random.default_rng(0)))
    empty = np.full(grid.radius_KIJ.shape, paint.LUNG, np.float32)
    return grid, heart, [(c, painter.paint(empty, np.zeros_like(empty), c, 0.0)) for c in (0.0, 0.5, 1.0)]


def test_pictures_show_what_the_labels_say(painted):
    grid, heart, pictures = painted
    for c, shown in pictures:
        labels = label(heart, grid, c)
        middle = slice(2, grid.slices - 4)
        blood, wall = (shown[middle][labels[middle] == value] for value in (LV, MYOCARDIUM))
        assert np.percentile(blood, 75) == pytest.approx(paint.BLOOD, abs=0.03)
        assert np.median(wall) == pytest.approx(paint.MYOCARDIUM, abs=0.05)
        assert np.median(shown[middle][labels[middle] == RV]) > 0.85
        assert ((blood < 0.6).mean() > 0.01) or c == 1.0  # papillary muscles and trabeculae, counted as cavity


def test_still_parts_are_not_touched(painted):
    grid, _, pictures = painted
    far = grid.radius_KIJ > grid.radius_KIJ.max() * 0.98
    for _, shown in pictures:
        assert shown[far] == pytest.approx(paint.LUNG)


def test_borders_are_soft(painted):
    grid, heart, pictures = painted
    shown = pictures[0][1][3]
    partial = ((shown > 0.45) & (shown < 0.9) & (label(heart, grid, 0.0)[3] > 0)).mean()
    assert partial > 0.01


def test_blood_turns_with_the_beat_and_comes_back():
    _, grid, heart = fitted("patient001")
    painter = HeartPainter(heart, grid, draw_details(heart, 25.0, 1.0, np.random.default_rng(0)))
    empty = np.zeros(grid.radius_KIJ.shape, np.float32)
    first, half, whole = (painter.paint(empty, empty.copy(), 0.0, phase) for phase in (0.0, 0.5, 1.0))
    assert whole == pytest.approx(first, abs=1e-5)
    assert np.abs(half - first).max() > 0.05


def heart_values(field_KIJ):
    at = [int(np.argmin(np.abs(GRID.places_mm() - place))) for place in GRID.axis_K2.mean(axis=0)]
    return field_KIJ[:, at[0], at[1]]


def test_coils_are_even_where_none_are_asked_and_one_at_the_heart():
    assert (coil_shading(GRID, 0.0, np.random.default_rng(0)) == 1).all()
    shading = coil_shading(GRID, 1.0, np.random.default_rng(0))
    assert heart_values(shading)[GRID.slices // 2] == pytest.approx(1)
    assert shading.max() > 2
    steps = np.abs(np.diff(np.log(shading), axis=1))
    assert steps.max() < 0.05 * GRID.spacing_mm  # smooth


def test_bands_are_dark_lines_and_absent_where_none_are_asked():
    assert banding(GRID, 0.0, np.random.default_rng(0)) == pytest.approx(1, abs=1e-6)
    bands = banding(GRID, 2.0, np.random.default_rng(0))
    assert bands.min() < 0.2
    assert bands.max() <= 1.0001
    assert np.median(bands) > 0.8


def test_no_noise_changes_nothing():
    signal = np.linspace(0, 9, 60, dtype=np.float32).reshape(3, 4, 5)
    assert add_noise(signal, 0.0, np.random.default_rng(0)) == pytest.approx(signal)


@pytest.mark.parametrize("sigma", [0.5, 6.0])
def test_noise_is_rician(sigma):
    """Rayleigh without signal: mean sigma sqrt(pi / 2), second moment 2 sigma^2. With signal A: A^2 + 2 sigma^2."""
    draw = np.random.default_rng(1)
    empty = add_noise(np.zeros((4, 200, 200), np.float32), sigma, draw)
    assert empty.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.01)
    assert (empty.astype(float) ** 2).mean() == pytest.approx(2 * sigma**2, rel=0.02)
    full = add_noise(np.full((4, 200, 200), 3 * sigma, np.float32), sigma, draw)
    assert (full.astype(float) ** 2).mean() == pytest.approx(11 * sigma**2, rel=0.02)
