import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.scan.geometry import to_world
from vesalius.scan.intensity import Intensity
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

AFFINE = np.array([[0, -2.0, 1, 5], [3, 0, 0, 6], [0, 0.5, 4, 7], [0, 0, 0, 1]])


def scan(**facts):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 99, (2, 3, 4, 5, 6)).astype("i2")
    intensity = Intensity(rng.uniform(1, 2, (3, 6)), rng.normal(size=(3, 6)))
    return Scan.from_array(array, facts.pop("affine", AFFINE), intensity=intensity, frame_ms=(0, 30, 70), **facts)


@pytest.mark.parametrize("t", [None, 0, 2])
@pytest.mark.parametrize("k", [None, 0, 5])
def test_values_and_places_are_those_of_the_whole(t, k):
    whole = scan()
    some = part(whole, t=t, k=k)
    frames = slice(None) if t is None else slice(t, t + 1)
    slices = slice(None) if k is None else slice(k, k + 1)
    assert some.shape == some.stored().shape
    assert np.array_equal(some.stored(), whole.stored(frames, slices))
    np.testing.assert_array_equal(some.values(), whole.values(frames, slices))
    np.testing.assert_allclose(to_world(some.affine, [1, 2, 0]), to_world(whole.affine, [1, 2, k or 0]))
    np.testing.assert_array_equal(some.affine[:3, :3], whole.affine[:3, :3])
    assert some.frame_ms == (whole.frame_ms if t is None else (whole.frame_ms[t],))
    assert some.native is None
    assert some.pixels.direct


def test_a_part_of_a_part():
    whole = scan()
    some = part(part(whole, t=1), k=4)
    assert np.array_equal(some.stored(), whole.stored(slice(1, 2), slice(4, 5)))


def test_a_slice_of_a_stack_keeps_its_place_and_gets_its_thickness():
    origins = np.array([[0, 0, 3.0 * k] for k in range(6)])
    stack = SliceStack(origins, np.tile([1.0, 0, 0], (6, 1)), np.tile([0, 2.0, 0], (6, 1)))
    some = part(scan(affine=None, geometry=stack), k=4)
    np.testing.assert_allclose(some.affine[:3, 3], [0, 0, 12])
    assert some.spacing_mm == (1, 2, 3)


@pytest.mark.parametrize("numbers", [{"t": 3}, {"t": -1}, {"k": 6}])
def test_numbers_outside(numbers):
    with pytest.raises(UsageError, match="choose from 0 to"):
        part(scan(), **numbers)
