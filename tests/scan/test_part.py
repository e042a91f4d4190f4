import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.errors import UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.part import PartPixels, part
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

STORED = np.arange(2 * 4 * 3 * 2 * 5, dtype=np.int16).reshape(2, 4, 3, 2, 5)
AFFINE = np.array([[0.0, -2, 0.3, 10], [1.5, 0, 0.1, -20], [0, 0.2, 5, 30], [0, 0, 0, 1]])


@settings(max_examples=100, deadline=None)
@given(st.slices(4), st.slices(5), st.data())
def test_a_part_of_pixels_is_a_part_of_the_array(t, k, data):
    frames, slices = range(4)[t], range(5)[k]
    pixels = PartPixels(ArrayPixels(STORED), frames, slices)
    part_of = STORED[:, t][..., k]
    assert pixels.shape == part_of.shape
    inner_t, inner_k = data.draw(st.slices(len(frames))), data.draw(st.slices(len(slices)))
    np.testing.assert_array_equal(pixels.read(inner_t, inner_k), part_of[:, inner_t][..., inner_k])


def test_voxels_stay_where_they_are_in_the_world():
    scan = Scan.from_array(STORED, AFFINE)
    cut = part(scan, k=3)
    for i, j in [(0, 0), (2, 1)]:
        np.testing.assert_allclose(cut.affine @ [i, j, 0, 1], AFFINE @ [i, j, 3, 1])
    np.testing.assert_array_equal(scan.affine, AFFINE)
    np.testing.assert_array_equal(part(scan, t=2).affine, AFFINE)


def test_values_times_and_scaling_go_along():
    slope, inter = np.random.default_rng(0).uniform(1, 2, (2, 4, 5))
    scan = Scan.from_array(STORED, AFFINE, intensity=Intensity(slope, inter), frame_ms=(0.0, 10.0, 20.0, 30.0))
    cut = part(scan, t=2, k=4)
    assert cut.shape == (2, 1, 3, 2, 1)
    np.testing.assert_array_equal(cut.values(), scan.values()[:, 2:3, :, :, 4:5])
    assert cut.frame_ms == (20.0,)
    assert part(scan, k=0).frame_ms == scan.frame_ms
    assert cut.dtype == scan.dtype
    assert cut.pixels.direct


def test_nothing_asked_is_the_whole():
    scan = Scan.from_array(STORED, AFFINE)
    np.testing.assert_array_equal(part(scan).stored(), STORED)


def test_a_part_cannot_be_given_back_as_its_file():
    assert part(Scan.from_array(STORED, native="something"), k=1).native is None


def test_a_slice_of_a_stack_keeps_its_place():
    origins = np.array([[0.0, 0, 0], [0, 1, 7], [0, 3, 15], [0, 3, 25], [1, 1, 40]])
    steps_i, steps_j = np.tile([1.0, 0, 0], (5, 1)), np.tile([0.0, 1, 0], (5, 1))
    scan = Scan.from_array(STORED, geometry=SliceStack(origins, steps_i, steps_j, 6.0))
    cut = part(scan, k=2)
    np.testing.assert_array_equal(cut.geometry.origins_K3, origins[2:3])
    assert cut.geometry.thickness_mm == 6.0
    np.testing.assert_array_equal(cut.affine[:3, 3], origins[2])


def test_a_slice_of_an_even_stack_is_as_thick_as_its_gap():
    origins = np.array([[0.0, 0, 4 * k] for k in range(5)])
    stack = SliceStack(origins, np.tile([1.0, 0, 0], (5, 1)), np.tile([0.0, 1, 0], (5, 1)))
    assert part(Scan.from_array(STORED, geometry=stack), k=2).spacing_mm == (1.0, 1.0, 4.0)


def test_a_part_of_a_part():
    scan = Scan.from_array(STORED, AFFINE)
    cut = part(part(scan, t=1), k=4)
    np.testing.assert_array_equal(cut.stored(), STORED[:, 1:2, :, :, 4:5])
    np.testing.assert_allclose(cut.affine @ [1, 1, 0, 1], AFFINE @ [1, 1, 4, 1])


def test_no_geometry_stays_none():
    assert part(Scan.from_array(STORED), k=1).geometry is None


@pytest.mark.parametrize(("options", "where"), [({"t": 4}, "--frame"), ({"t": -1}, "--frame"), ({"k": 5}, "--slice")])
def test_numbers_out_of_range_are_refused(options, where):
    with pytest.raises(UsageError, match=r"choose from 0 to [34]$") as caught:
        part(Scan.from_array(STORED), **options)
    assert caught.value.where == where
