import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from transforms.every import image
from vesalius.errors import ConfigError, UsageError
from vesalius.seeding import generator
from vesalius.transforms.affine import Affine
from vesalius.transforms.turn import QuarterTurn


@given(st.floats(-180, 180), st.floats(0.5, 2), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0.5, 3))
def test_as_scipy_over_two_axes(degrees, factor, shift_i, shift_j, voxel_j):
    x_CIJK = np.random.default_rng(0).random((1, 9, 12, 2))
    one = Affine(axes="IJ", voxel=(1.0, voxel_j))
    done = one.apply(x_CIJK, ((degrees,), factor, (shift_i, shift_j)))
    angle = math.radians(degrees)
    forward = factor * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    size = np.diag([1.0, voxel_j])
    matrix = np.linalg.inv(np.linalg.inv(size) @ forward @ size)
    center, shift = np.array([4.0, 5.5]), np.array([shift_i * 9, shift_j * 12])
    for k in range(2):
        expected = ndimage.affine_transform(
            x_CIJK[0, ..., k], matrix, center - matrix @ (center + shift), order=1, mode="nearest"
        )
        np.testing.assert_allclose(done[0, ..., k], expected, atol=1e-9)


def test_as_scipy_over_three_axes():
    x = np.random.default_rng(0).random((1, 7, 8, 9))
    done = Affine(axes="IJK").apply(x, ((10.0, 20.0, 30.0), 1.0, (0.0, 0.0, 0.0)))
    # Planes IJ, IK, JK in this order: turns about K, then J (backwards), then I.
    forward = Rotation.from_euler("zyx", [10, -20, 30], degrees=True).as_matrix()
    matrix, center = forward.T, np.array([3.0, 3.5, 4.0])
    expected = ndimage.affine_transform(x[0], matrix, center - matrix @ center, order=1, mode="nearest")
    np.testing.assert_allclose(done[0], expected, atol=1e-12)


@pytest.mark.parametrize("plane", ["IJ", "IK", "JK"])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_right_angles_are_quarter_turns(plane, quarters):
    x = np.random.default_rng(0).random((2, 6, 6, 6)).astype("f4")
    params = ((90.0 * quarters,), 1.0, (0.0, 0.0))
    turned = QuarterTurn(plane=plane).apply(x, quarters)
    np.testing.assert_allclose(Affine(axes=plane).apply(x, params), turned, atol=1e-6)
    mask = (x > 0.5).astype("i2")
    np.testing.assert_array_equal(Affine(axes=plane).apply_mask(mask, params), turned > 0.5)
    flat = x[..., 0].transpose(0, 2, 1)
    if plane == "IJ":  # a picture lies as the volume's slice
        np.testing.assert_allclose(Affine().apply(flat, params), turned[..., 0].transpose(0, 2, 1), atol=1e-6)


def test_scale_and_shift_have_their_directions():
    x = np.zeros((1, 9, 9))
    x[0, 4, 4] = 1
    larger = Affine().apply(np.ones((1, 9, 9)), ((0.0,), 0.5, (0.0, 0.0)))
    assert (larger == 1).all()
    small = Affine(outside=0.0).apply(np.ones((1, 9, 9)), ((0.0,), 0.5, (0.0, 0.0)))
    assert 25 <= small.sum() <= 30
    moved = Affine().apply(x, ((0.0,), 1.0, (2 / 9, -1 / 9)))
    assert np.argwhere(moved[0] > 0.99).tolist() == [[3, 6]]  # two columns to the right, one row up


def test_what_is_outside():
    x = image("CTIJK") + 1
    away = ((0.0,), 1.0, (1.0, 1.0))
    assert (Affine(outside=-3.0).apply(x, away) == -3).all()
    assert (Affine(outside=-3.0).apply_mask(x.astype("i2"), away) == 0).all()
    assert (Affine().apply(x, away) >= 1).all()


def test_draws_lie_in_their_ranges():
    one = Affine(axes="IJK", degrees=5, scale=(0.9, 1.1), shift=0.1)
    drawn = [one.draw(generator("range", n)) for n in range(300)]
    degrees, factors, shifts = (np.array(values) for values in zip(*drawn, strict=True))
    assert degrees.shape == (300, 3)
    assert 4.8 < np.abs(degrees).max() <= 5
    assert (factors >= 0.9).all()
    assert (factors <= 1.1).all()
    assert np.log(factors).mean() == pytest.approx(0, abs=0.02)
    assert 0.09 < np.abs(shifts).max() <= 0.1


def test_what_does_not_fit():
    with pytest.raises(UsageError, match="does not fit the axes IJ"):
        Affine(voxel=(1.0, 1.0, 1.0)).apply(image("CIJK"), ((1.0,), 1.0, (0.0, 0.0)))
    with pytest.raises(UsageError, match="CJI has no axis K"):
        Affine(axes="IJK").apply(image("CJI"), ((1.0, 1.0, 1.0), 1.0, (0.0, 0.0, 0.0)))
    with pytest.raises(ConfigError, match="axes"):
        Affine.build(axes="KI")
