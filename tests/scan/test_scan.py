import numpy as np
import pytest

from vesalius.errors import GeometryError, UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

AFFINE = np.array([[0, -2.0, 0, 5], [3, 0, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]])


def test_from_array():
    scan = Scan.from_array(np.zeros((3, 4, 5)), AFFINE, modality="MR")
    assert scan.shape == (1, 1, 3, 4, 5)
    assert scan.modality == "MR"
    assert scan.spacing_mm == (3, 2, 4)
    assert scan.orientation == "ALS"
    assert scan.grid_problem is None
    assert Scan.from_array(np.zeros((1, 2, 3, 4, 5))).shape == (1, 2, 3, 4, 5)
    with pytest.raises(GeometryError, match=r"\(3, 4\) is not"):
        Scan.from_array(np.zeros((3, 4)))
    with pytest.raises(GeometryError, match="singular"):
        Scan.from_array(np.zeros((3, 4, 5)), np.diag([1, 0, 1, 1.0]))


def test_stored_and_real_values_of_a_part():
    rng = np.random.default_rng(0)
    array = rng.integers(0, 99, (2, 3, 4, 5, 6)).astype("i2")
    intensity = Intensity(rng.uniform(1, 2, (3, 6)), rng.normal(size=(3, 6)))
    scan = Scan.from_array(array, intensity=intensity)
    t, k = slice(1, 3), slice(2, 5)
    assert np.array_equal(scan.stored(t, k), array[:, t, :, :, k])
    np.testing.assert_array_equal(scan.values(t, k), scan.values()[:, t, :, :, k])
    assert scan.values().dtype == np.float32
    assert scan.values(dtype=np.float64).dtype == np.float64


def test_no_geometry():
    scan = Scan.from_array(np.zeros((3, 4, 5)))
    assert (scan.spacing_mm, scan.orientation) == (None, None)
    assert scan.grid_problem == "the file states no geometry"
    with pytest.raises(GeometryError, match="no geometry"):
        _ = scan.affine


def test_a_stack_that_is_a_grid_and_one_that_is_none():
    def stack(heights):
        origins = np.array([[0, 0, height] for height in heights], dtype=float)
        return SliceStack(origins, np.tile([1.0, 0, 0], (3, 1)), np.tile([0, 2.0, 0], (3, 1)))

    even = Scan.from_array(np.zeros((3, 4, 3)), geometry=stack([0, 3, 6]))
    assert even.spacing_mm == (1, 2, 3)
    assert even.grid_problem is None
    uneven = Scan.from_array(np.zeros((3, 4, 3)), geometry=stack([0, 3, 9]))
    assert uneven.spacing_mm is None
    assert uneven.orientation is None
    with pytest.raises(GeometryError, match="uneven"):
        _ = uneven.affine


def test_resident_reads_once():
    class Slow(ArrayPixels):
        reads = 0
        direct = False

        def read(self, t=slice(None), k=slice(None)):
            Slow.reads += 1
            return super().read(t, k)

    scan = Scan(Slow(np.zeros((1, 2, 3, 4, 5))))
    kept = scan.resident()
    kept.stored(slice(0, 1))
    kept.stored()
    assert Slow.reads == 1
    assert kept.resident() is kept


def test_an_array_of_a_scan_is_its_real_values():
    scan = Scan.from_array(np.full((2, 3, 4), 5, np.int16), intensity=Intensity.linear(2, -1))
    assert np.asarray(scan).dtype == np.float32
    assert (np.asarray(scan) == 9).all()
    assert np.asarray(scan, np.float64).shape == (1, 1, 2, 3, 4)
    with pytest.raises(ValueError, match="copy"):
        np.array(scan, copy=False)
    with pytest.raises(UsageError, match="modalit: no such field of a scan"):
        Scan.from_array(np.zeros((1, 1, 1)), modalit="CT")
