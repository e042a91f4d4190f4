import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.scan.intensity import Intensity


def test_of_complex_values_the_magnitude_is_real():
    stored = np.array([3 + 4j, -2, 1j], np.complex64).reshape(3, 1, 1, 1, 1)
    np.testing.assert_allclose(Intensity().to_real(stored).ravel(), [5, 2, 1])
    np.testing.assert_allclose(Intensity.linear(-2, 0).to_real(stored).ravel(), [10, 4, 2])


def test_the_default_changes_nothing():
    array = np.random.default_rng(0).integers(-99, 99, (1, 2, 3, 4, 5)).astype("i2")
    assert Intensity().is_identity
    assert Intensity().is_uniform
    assert np.array_equal(Intensity().to_real(array), array)
    assert Intensity().to_real(array).dtype == np.float32
    assert Intensity().unit == ""


@given(st.floats(-100, 100), st.floats(-5000, 5000), st.integers(-32768, 32767))
def test_one_line_for_all(slope, inter, stored):
    array = np.full((1, 1, 1, 1, 1), stored, dtype="i2")
    real = Intensity.linear(slope, inter, "HU").to_real(array, np.float64)
    assert real.item() == slope * stored + inter


def test_identity_and_uniformity():
    assert Intensity.linear(1, 0).is_identity
    assert not Intensity.linear(1, 1).is_identity
    assert not Intensity.linear(2, 0).is_identity
    each = Intensity(np.ones((2, 3)), np.zeros((2, 3)))
    assert each.is_identity
    assert not each.is_uniform


def test_each_slice_of_each_frame_on_its_own():
    rng = np.random.default_rng(0)
    array = rng.integers(0, 4000, (2, 3, 4, 5, 6)).astype("u2")
    intensity = Intensity(rng.uniform(0.1, 2, (3, 6)), rng.normal(size=(3, 6)))
    real = intensity.to_real(array, np.float64)
    for t in range(3):
        for k in range(6):
            expected = array[:, t, ..., k] * intensity.slope_TK[t, k] + intensity.inter_TK[t, k]
            np.testing.assert_array_equal(real[:, t, ..., k], expected)
    part = intensity.part(slice(1, 3), slice(2, 4))
    np.testing.assert_array_equal(part.to_real(array[:, 1:3, ..., 2:4], np.float64), real[:, 1:3, ..., 2:4])


def test_a_uniform_map_is_its_own_part():
    intensity = Intensity.linear(2, 3)
    assert intensity.part(slice(1, 2), slice(0, 1)) is intensity


def test_it_is_computed_in_float64():
    array = np.full((1, 1, 1, 1, 1), 2**24 + 1, dtype="i4")
    real = Intensity.linear(1, -(2**24)).to_real(array)
    assert real.item() == 1


@pytest.mark.parametrize("dtype", ["?", "u1", ">i2", "i8", "f2", ">f4", "f8"])
def test_every_stored_type(dtype):
    array = np.ones((1, 1, 2, 2, 2), dtype)
    assert (Intensity.linear(3, 4).to_real(array) == 7).all()
