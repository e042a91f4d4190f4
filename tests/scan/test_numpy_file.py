import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from real_data import real
from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.scan.native import Packed, writer
from vesalius.scan.note import plain
from vesalius.scan.numpy_file import read, restore

DTYPES = ["?", "i1", "u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">u4", "<i8", ">i8", "<u8", "<f2", ">f2", "<f4", ">f4"]
DTYPES += ["<f8", ">f8", "<c8", ">c16", np.longdouble, np.clongdouble]
SHAPES = {
    (4, 3): (1, 1, 4, 3, 1),
    (4, 3, 2): (1, 1, 4, 3, 2),
    (5, 4, 3, 2): (1, 5, 4, 3, 2),
    (2, 5, 4, 3, 2): (2, 5, 4, 3, 2),
}


def noise(shape, dtype, seed=0):
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    return np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)


def five(array):
    """(C, T, I, J, K) as the module says: I and J are never missing, K is the third."""
    return {2: array[None, None, ..., None] if array.ndim == 2 else None}.get(
        array.ndim, array.reshape((1,) * (5 - array.ndim) + array.shape)
    )


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda one: np.dtype(one).str)
def test_every_dtype_shape_and_order_comes_back_byte_for_byte(dtype, shape, fortran, tmp_path):
    array = noise(shape, dtype)
    array = np.asfortranarray(array) if fortran else array
    path = tmp_path / "x.npy"
    np.save(path, array)
    scan = read(path)
    assert scan.shape == SHAPES[shape]
    assert scan.dtype == np.dtype(dtype)
    assert scan.pixels.direct
    assert scan.stored().tobytes() == five(array).tobytes()
    assert scan.stored(slice(1, 3), slice(0, 1)).tobytes() == five(array)[:, 1:3, ..., 0:1].tobytes()
    restore(scan.native.pack("default", None), scan.pixels, tmp_path / "y.npy", None)
    assert (tmp_path / "y.npy").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", ["image", "arr_0", "anything"])
def test_one_array_of_an_archive(name, save, tmp_path):
    array = np.asfortranarray(noise((4, 3, 2), ">i2"))
    save(tmp_path / "x.npz", **{name: array})
    scan = read(tmp_path / "x.npz")
    assert not scan.pixels.direct
    assert scan.stored().tobytes() == five(array).tobytes()
    assert np.array_equal(scan.stored(k=slice(1, 2))[0, 0], array[..., 1:2])
    restore(scan.native.pack("default", None), scan.pixels, tmp_path / "y.npz", None)
    with np.load(tmp_path / "y.npz") as back:
        assert back.files == [name]
        assert back[name].dtype == array.dtype
        assert back[name].flags.f_contiguous
        assert np.array_equal(back[name], array)


def test_a_named_array_is_taken_but_the_others_are_not_dropped(tmp_path):
    np.savez(tmp_path / "x.npz", image=np.ones((4, 3)), label=np.zeros((4, 3)))
    scan = read(tmp_path / "x.npz")
    assert scan.stored().sum() == 12
    with pytest.raises(UsageError, match=r"holds 2 arrays \(image, label\)"):
        scan.native.pack("default", None)


def test_several_unnamed_arrays_are_listed(tmp_path):
    np.savez(tmp_path / "x.npz", train=np.ones((4, 3)), test=np.zeros((4, 3)))
    with pytest.raises(InputError, match=r"2 arrays \(train, test\)"):
        read(tmp_path / "x.npz")


@pytest.mark.data
def test_a_real_archive_of_several_arrays_is_listed():
    with pytest.raises(InputError, match="train_images"):
        read(real("pneumonia-28/pneumoniamnist.npz"))


def test_geometry_and_times_beside_the_image(tmp_path):
    affine = np.diag([2.0, -3, 4, 1])
    np.savez(tmp_path / "x.npz", image=np.ones((3, 4, 3, 2)), affine_ras_mm=affine, frame_ms=[0.0, 30, 70])
    scan = read(tmp_path / "x.npz")
    np.testing.assert_array_equal(scan.affine, affine)
    assert (scan.frame_ms, scan.t_meaning) == ((0, 30, 70), "time")
    np.savez(tmp_path / "x.npz", image=np.ones((3, 4, 3, 2)), affine_ras_mm=affine[:3], frame_ms=["a", "b", "c"])
    scan = read(tmp_path / "x.npz")
    assert (scan.geometry, scan.frame_ms, len(scan.problems)) == (None, None, 2)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.array([[{}, None]]), "cannot be read|not numbers"),
        (np.array([["a", "b"]]), "not numbers"),
        (np.array([[b"a", b"b"]]), "not numbers"),
        (np.zeros((2, 2), "M8[s]"), "not numbers"),
        (np.zeros((2, 2), "m8[s]"), "not numbers"),
        (np.zeros((2, 2), [("a", "i2"), ("b", "f4")]), "not numbers"),
        (np.zeros((2, 2), [("ä€", "i2")]), "records"),
        (np.zeros(5), "1 axes is not a scan"),
        (np.zeros(()), "0 axes is not a scan"),
        (np.zeros((1, 1, 1, 1, 1, 1)), "6 axes is not a scan"),
        (np.zeros((3, 0, 2)), "empty"),
    ],
)
@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
def test_what_is_no_scan(array, what, tmp_path):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    np.savez(tmp_path / "x.npz", image=array)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(InputError, match=what) as caught:
            read(tmp_path / name)
        assert len(str(caught.value).splitlines()) == 1


def test_no_pickle_is_ever_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (print, ("loaded",))

    np.save(tmp_path / "x.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError):
        read(tmp_path / "x.npy")


def header(shape, dtype="<f8"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_promises_that_are_not_kept(tmp_path):
    (tmp_path / "x.npy").write_bytes(header((1 << 40, 4)) + bytes(100))
    with pytest.raises(InputError, match="promises"):
        read(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("image.npy", header((1 << 40, 4)) + bytes(100))
    with pytest.raises(InputError, match="promises"):
        read(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.writestr("readme.txt", b"nothing")
    with pytest.raises(InputError, match="without NumPy arrays"):
        read(tmp_path / "z.npz")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "absent.npy")


@pytest.mark.parametrize("change", ["header", "shape", "dtype", "member"])
def test_stored_facts_that_do_not_fit(change, tmp_path):
    np.save(tmp_path / "x.npy", noise((4, 3, 2), "<i2"))
    scan = read(tmp_path / "x.npy")
    blobs = {
        "header": {"header": b"\x93NUMPY\x01\x00\xff"},
        "shape": {"header": header((4, 3, 3), "<i2")},
        "dtype": {"header": header((4, 3, 2), ">i2")},
        "member": {"header": header((4, 3, 2), "<i2")},
    }[change]
    facts = {} if change == "member" else {"member": None}
    with pytest.raises(CorruptFileError):
        restore(Packed("numpy", facts, blobs), scan.pixels, tmp_path / "y.npy", None)
    assert writer("numpy") is restore


@settings(max_examples=150)
@given(st.data())
def test_a_mutated_file_is_one_line_or_values(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("npy")
    array = noise((3, 4, 2), "<i2")
    name = data.draw(st.sampled_from(["x.npy", "x.npz"]))
    np.save(folder / name, array) if name == "x.npy" else np.savez_compressed(folder / name, image=array)
    whole = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    said, shapes = "", ()
    try:
        scan = read(folder / name)
        shapes = (scan.stored().shape, scan.shape)
    except InputError as error:
        said = str(error)
    assert len(said.splitlines()) == 1 if said else shapes[0] == shapes[1]


def test_strip_leaves_nothing_but_numbers(tmp_path):
    header = b"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }".ljust(109) + b"\n"
    values = np.arange(6, dtype="<i2").reshape(2, 3)
    npy = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + values.tobytes()
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("JaneDoe.npy", npy)
    native = read(tmp_path / "a.npz").native
    kept = native.pack("default", None)
    assert kept.facts["member"] == "JaneDoe.npy"
    assert kept.warnings == ("the name of the array is kept: JaneDoe",)
    bare = native.pack("strip", None)
    assert bare.facts["member"] == "image.npy"
    restore(bare, native.pixels, tmp_path / "out.npz", None)
    with np.load(tmp_path / "out.npz") as back:
        assert list(back) == ["image"]
        assert np.array_equal(back["image"], values)


def test_entries_that_are_not_read_are_named(tmp_path):
    values = np.arange(24, dtype="i2").reshape(4, 3, 2)
    np.savez(tmp_path / "a.npz", image=values, affine_ras_mm=np.eye(4), JaneDoe=np.eye(2))
    (problem,) = read(tmp_path / "a.npz").problems
    assert problem == "other entries of the file are not read (1): JaneDoe"
    assert plain(problem) == "other entries of the file are not read (1)"


def test_a_damaged_directory_lets_no_affine_vanish(tmp_path):
    """The directory of an archive has no checksum: a length of comment hides what follows, a size what it is."""
    np.savez_compressed(tmp_path / "a.npz", image=np.ones((2, 3, 4), "i2"), affine_ras_mm=np.eye(4))
    sound = (tmp_path / "a.npz").read_bytes()
    first = sound.index(b"PK\1\2")
    hidden, large = bytearray(sound), bytearray(sound)
    hidden[first + 33] = 4  # a comment of 1024 bytes
    large[sound.index(b"PK\1\2", first + 1) + 27] = 99  # 99 << 24 bytes when inflated
    (tmp_path / "hidden.npz").write_bytes(hidden)
    with pytest.raises(InputError, match="its directory lists 1 of 2 entries"):
        read(tmp_path / "hidden.npz")
    (tmp_path / "large.npz").write_bytes(large)
    scan = read(tmp_path / "large.npz")
    assert scan.problems == ("affine_ras_mm is not 4 x 4 numbers; it is ignored",)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.comment = b"made by hand"
    assert read(tmp_path / "a.npz").problems == ()
