import numpy as np
import pytest

from phantom.cine.hearts import fitted
from vesalius.phantom.cine import paint
from vesalius.phantom.cine.anatomy import Body


@pytest.fixture(scope="module")
def body():
    _, grid, heart = fitted("patient001", size=160)
    return grid, Body(heart, grid, 25.0, np.random.default_rng(0))


def around(grid, k, x, y, half=2):
    """A small patch at a place in mm from the axis."""
    i, j = (
        int(np.argmin(np.abs(grid.places_mm() - at - axis))) for at, axis in zip((x, y), grid.axis_K2[k], strict=True)
    )
    return slice(i - half, i + half + 1), slice(j - half, j + half + 1)


def test_lung_is_dark_liver_grey_and_air_empty(body):
    grid, made = body
    k = grid.slices // 2
    water, fat = made.slice_at(k)
    shown = np.abs(water - fat)
    assert np.median(shown[around(grid, k, 45, -30, 4)]) < 0.12
    assert np.median(shown[around(grid, k, -60, 70, 4)]) == pytest.approx(paint.LIVER, abs=0.15)
    assert shown[:4, :4].max() == 0


def test_fat_lies_under_the_skin(body):
    grid, made = body
    water, fat = made.slice_at(2)
    row = int(np.argmin(np.abs(grid.places_mm())))
    column = fat[row]
    first = int(np.argmax((water + fat)[row] > 0.2))
    assert column[first : first + 12].max() > 0.8


def test_signals_are_sound_in_every_slice(body):
    grid, made = body
    for k in range(grid.slices):
        water, fat = made.slice_at(k)
        assert water.dtype == fat.dtype == np.float32
        assert min(water.min(), fat.min()) >= 0
        assert max(water.max(), fat.max()) < 2


def test_a_fatter_body_has_thicker_fat():
    _, grid, heart = fitted("patient001", size=160)
    shares = [
        sum(Body(heart, grid, bmi, np.random.default_rng(0)).slice_at(k)[1][:, :40].sum() for k in (2, 5))
        for bmi in (19.0, 34.0)
    ]
    assert shares[1] > 1.2 * shares[0]
