"""The grid around a slice stack; test_resample.py fills it with values."""

import numpy as np
import pytest

from vesalius.errors import GeometryError
from vesalius.scan.grid import StackGrid
from vesalius.scan.stack import SliceStack


def stack_at(heights, shift_j=0.0):
    origins = np.array([[0, shift_j * z, z] for z in heights], dtype=float)
    steps = np.ones((len(heights), 1))
    return SliceStack(origins, steps * [1.0, 0, 0], steps * [0, 2.0, 0])


def no_values(k):
    raise AssertionError(f"slice {k} is read, but shares its position with no other")


def test_planes_lie_between_their_neighbours():
    grid = StackGrid(stack_at([0, 2, 5, 6]), 4, 3, no_values)
    assert grid.shape == (4, 3, 4)
    assert grid.slices == [0, 1, 2, 3]
    assert [grid.neighbours(k) for k in (0, 1, 3)] == [[(0, 1.0)], [(1, 1.0)], [(3, 1.0)]]
    (below, weight), (above, rest) = grid.neighbours(2)
    assert (below, above) == (1, 2)
    assert weight == pytest.approx(1 / 3)
    assert rest == pytest.approx(2 / 3)


def test_a_descending_stack_is_sampled_from_its_last_slice():
    grid = StackGrid(stack_at([6, 5, 2, 0]), 4, 3, no_values)
    assert grid.slices == [3, 2, 1, 0]
    np.testing.assert_array_equal(grid.affine[:3, 3], [0, 0, 0])


def test_the_field_covers_shifted_slices():
    grid = StackGrid(stack_at([0, 1, 4], shift_j=1.0), 4, 3, no_values)
    assert grid.shape == (4, 5, 3)


def test_slices_at_one_position_are_merged_where_they_are_equal():
    values = {1: np.zeros((2, 2)), 2: np.zeros((2, 2))}
    assert StackGrid(stack_at([0, 2, 2, 4]), 2, 2, values.__getitem__).slices == [0, 1, 3]
    values[2] = np.ones((2, 2))
    with pytest.raises(GeometryError, match="slices 1 and 2 share a position and differ"):
        StackGrid(stack_at([0, 2, 2, 4]), 2, 2, values.__getitem__)
