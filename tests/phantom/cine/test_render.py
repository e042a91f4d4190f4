import numpy as np
import pytest

from phantom.cine.hearts import NAMES, fitted
from vesalius.phantom.cine import paint
from vesalius.phantom.cine.fit import LV, MYOCARDIUM, RV, label
from vesalius.phantom.cine.render import HeartPainter, draw_details


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
