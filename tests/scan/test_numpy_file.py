import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from vesalius.errors import InputError, UsageError
from vesalius.scan import numpy_file
from vesalius.scan.scan import Scan

DTYPES = ["?", "<i1", "<u1", "<i2", ">i2", "<u2", "<i4", "<u4", "<i8", ">u8", "<f2", "<f4", ">f4", "<f8", "<c8", "<c16"]


@given(st.sampled_from(DTYPES), array_shapes(min_dims=2, max_dims=5, max_side=4), st.booleans(), st.integers(0, 99))
def test_arrays_come_back_in_type_shape_and_order(tmp_path_factory, dtype, shape, fortran, seed):
    folder = tmp_path_factory.mktemp("npy")
    data = np.random.default_rng(seed).bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    array = (np.frombuffer(data, np.uint8) % 2).view("?") if dtype == "?" else np.frombuffer(data, dtype)
    array = array.reshape(shape, order="F" if fortran else "C")
    np.save(folder / "a.npy", array)
    scan = numpy_file.read(folder / "a.npy")
    for name in ("b.npy", "b.npz"):
        numpy_file.restore(scan.native.pack("default", None), scan.pixels, folder / name, None)
    plain, zipped = np.load(folder / "b.npy"), np.load(folder / "b.npz")["image"]
    for back in (plain, zipped):
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        assert back.tobytes() == array.tobytes()
    assert plain.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 4), (1, 1, 3, 4, 1)), ((3, 4, 5), (1, 1, 3, 4, 5)), ((2, 3, 4, 5), (1, 2, 3, 4, 5)), ((6, 2, 3, 4, 5),) * 2],
)
def test_axes_by_number(tmp_path, shape, expected):
    np.save(tmp_path / "a.npy", np.arange(np.prod(shape)).reshape(shape))
    scan = numpy_file.read(tmp_path / "a.npy")
    assert scan.shape == expected
    assert scan.geometry is None
    assert np.array_equal(scan.stored().ravel(), np.arange(np.prod(shape)))


def test_one_slab_equals_the_whole(tmp_path):
    array = np.random.default_rng(0).normal(size=(4, 3, 5, 6))
    np.savez(tmp_path / "a.npz", volume=array)
    scan = numpy_file.read(tmp_path / "a.npz")
    assert np.array_equal(scan.stored(t=slice(1, 3), k=slice(2, 4))[0], array[1:3, :, :, 2:4])


def test_an_npz_with_company_opens_but_is_not_packed(tmp_path):
    np.savez(tmp_path / "a.npz", image=np.zeros((2, 2)), label=np.ones(3))
    scan = numpy_file.read(tmp_path / "a.npz")
    assert scan.shape == (1, 1, 2, 2, 1)
    with pytest.raises(UsageError, match="2 arrays"):
        scan.native.pack("default", None)
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 2)), y=np.ones((2, 2)))
    with pytest.raises(InputError, match="several arrays"):
        numpy_file.read(tmp_path / "b.npz")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3),
        np.zeros((1,) * 6),
        np.zeros((2, 0)),
        np.array([["a"]]),
        np.array([[{}]], dtype=object),
        np.zeros((2, 2), "M8[s]"),
    ],
)
def test_what_is_no_scan_is_one_line(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError) as caught:
        numpy_file.read(tmp_path / "a.npy")
    assert "\n" not in str(caught.value)


@given(st.integers(0, 300), st.integers(0, 255), st.sampled_from([".npy", ".npz"]), st.booleans())
def test_damaged_files_are_one_line(tmp_path_factory, position, value, suffix, cut):
    path = tmp_path_factory.mktemp("bad") / f"a{suffix}"
    array = np.arange(24).reshape(4, 6)
    np.save(path, array) if suffix == ".npy" else np.savez(path, image=array)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data[: position % len(data)] if cut else data)
    try:
        assert numpy_file.read(path).stored().size
    except InputError as error:
        assert "\n" not in str(error)


def test_writing_drops_axes_of_one(tmp_path):
    numpy_file.write_numpy(Scan.from_array(np.ones((2, 3, 4), np.int16)), tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").shape == (2, 3, 4)
    assert np.load(tmp_path / "a.npy").dtype == np.int16
