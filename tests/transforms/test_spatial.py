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
from vesalius.transforms.spatial import Affine, Elastic, Flip, QuarterTurn


def test_flips_by_letter():
    x_CJI, x_CIJK = image("CJI"), image("CIJK")
    both = Flip(axes="IJ", p=1.0)
    assert both.draw(generator(0)) == "IJ"
    np.testing.assert_array_equal(Flip(axes="I").apply(x_CJI, "I"), x_CJI[:, :, ::-1])
    np.testing.assert_array_equal(Flip(axes="I").apply(x_CIJK, "I"), x_CIJK[:, ::-1])
    np.testing.assert_array_equal(both.apply(x_CIJK, "IJ"), x_CIJK[:, ::-1, ::-1])
    assert both.apply(x_CJI, "IJ").flags.c_contiguous
    assert Flip(p=0.0).draw(generator(0)) == ""
    with pytest.raises(UsageError, match="CJI has no axis K"):
        Flip(axes="K").apply(x_CJI, "")


def test_each_axis_has_its_own_coin():
    drawn = [Flip(axes="IJK", p=0.25).draw(generator("coin", n)) for n in range(1000)]
    for letter in "IJK":
        assert np.mean([letter in one for one in drawn]) == pytest.approx(0.25, abs=0.05)
    assert np.mean([{"I", "J"} <= set(one) for one in drawn]) == pytest.approx(1 / 16, abs=0.03)


@given(st.integers(0, 3), st.sampled_from(["IJ", "JI", "IK", "KJ"]))
def test_quarter_turns_carry_the_first_axis_to_the_second(quarters, plane):
    x = np.random.default_rng(0).random((2, 5, 5, 5))
    turned = QuarterTurn(plane=plane).apply(x, quarters)
    first, second = (1 + "IJK".index(letter) for letter in plane)
    expected = x
    for _ in range(quarters):
        out = np.empty_like(expected)
        for one in range(5):
            for other in range(5):
                # first -> second, second -> -first
                source, target = [slice(None)] * 4, [slice(None)] * 4
                source[first], source[second] = one, other
                target[first], target[second] = 4 - other, one
                out[tuple(target)] = expected[tuple(source)]
        expected = out
    np.testing.assert_array_equal(turned, expected)


def test_only_squares_are_turned():
    with pytest.raises(UsageError, match="not square in IJ"):
        QuarterTurn().apply(image("CJI"), 1)
    assert {QuarterTurn().draw(generator("turn", n)) for n in range(50)} == {0, 1, 2, 3}


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


def moved_places(one, shape, seed):
    """Where each voxel of the result came from, by deforming the coordinates themselves."""
    grid = np.stack(np.meshgrid(*(np.arange(size, dtype=float) for size in shape), indexing="ij"))
    return one.apply(grid, seed), grid


@pytest.mark.parametrize(("axes", "shape"), [("IJ", (60, 48)), ("IJK", (30, 32, 28))])
def test_nothing_folds_and_moves_are_bounded(axes, shape):
    one = Elastic(axes=axes, spans=4, strength=0.4)
    for n in range(5):
        places, grid = moved_places(one, shape, one.draw(generator("fold", n)))
        moves = places - grid
        for axis, size in enumerate(shape):
            assert np.abs(moves[axis]).max() <= 0.4 * size / 4
        assert np.abs(moves).max() > 0.5
        inner = (slice(None), *(slice(size // 4, -size // 4) for size in shape))
        jacobian = np.stack([np.stack(np.gradient(part)) for part in places[inner]])
        assert (np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1))) > 0).all()


def test_the_field_is_smooth():
    places, grid = moved_places(Elastic(spans=3, strength=0.3), (80, 80), 7)
    moves = (places - grid)[:, 20:60, 20:60]
    assert np.abs(np.diff(moves, n=2, axis=1)).max() < 0.05


def test_without_strength_nothing_moves():
    x = np.random.default_rng(0).random((2, 10, 12)).astype("f4")
    np.testing.assert_allclose(Elastic(strength=0.0).apply(x, 3), x, atol=1e-6)


def test_all_frames_move_alike():
    x = np.random.default_rng(0).random((1, 1, 9, 9, 2)).repeat(4, axis=1)
    done = Elastic().apply(x, 5)
    assert (done == done[:, :1]).all()
    np.testing.assert_array_equal(Elastic().apply(x[:, 0], 5), done[:, 0])
