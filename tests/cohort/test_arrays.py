import sys

import h5py
import numpy as np
import pytest

from vesalius import memory
from vesalius.cohort.arrays import array_item
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.item import ArrayItem
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, MissingExtraError

RGB = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3)).astype(np.uint8)


@pytest.fixture
def file(tmp_path):
    """An HDF5 file with every kind of link."""
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = RGB
    with h5py.File(tmp_path / "a.h5", "w") as made:
        made.create_dataset("x", data=RGB, chunks=(1, 6, 5, 3), compression="gzip")
        made["group/y"] = RGB[..., 0]
        made["single"] = np.array(3)
        made["words"] = ["a", "b"]
        made["soft"] = h5py.SoftLink("/x")
        made["outside"] = h5py.ExternalLink("other.h5", "/x")
        layout = h5py.VirtualLayout(RGB.shape, RGB.dtype)
        layout[:] = h5py.VirtualSource("other.h5", "x", RGB.shape)
        made.create_virtual_dataset("virtual", layout)
        made.create_dataset("raw", RGB.shape, "u1", external=[("raw.bin", 0, RGB.size)])
        made.create_dataset("huge", (2, 1 << 20, 1 << 20), "u1", chunks=(1, 64, 64))
        made.create_dataset("chunky", (1 << 14, 64, 64), "u1", chunks=(1 << 14, 64, 64))
    return tmp_path / "a.h5"


def test_items_of_hdf5(file):
    for index in range(4):
        np.testing.assert_array_equal(array_item(file, ArrayItem("x", index)), RGB[index])
    case = Case(id="a", images={"rgb": "a.h5#x/2", "grey": "a.h5#group/y/3"})
    cohort = Cohort((case,), file.parent)
    rgb, grey = (open_image(cohort, case, name) for name in ("rgb", "grey"))
    np.testing.assert_array_equal(rgb.stored()[:, 0, :, :, 0], RGB[2].transpose(2, 1, 0))
    np.testing.assert_array_equal(grey.stored()[0, 0, :, :, 0], RGB[3, ..., 0].T)
    with pytest.raises(InputError, match=r"a.h5: array 'x' has 4 items, none numbered 4"):
        array_item(file, ArrayItem("x", 4))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("gone", "has no array 'gone' of its own"),
        ("", "has no array '' of its own"),
        ("x/y", "array 'x/y' cannot be read"),
        ("group", "'group' is not an array of numbers"),
        ("single", "'single' is not an array of numbers"),
        ("words", "'words' is not an array of numbers"),
        ("soft", "has no array 'soft' of its own"),
        ("outside", "has no array 'outside' of its own"),
        ("virtual", "the values of array 'virtual' lie in other files"),
        ("raw", "the values of array 'raw' lie in other files"),
    ],
)
def test_only_numbers_inside_the_file_are_read(file, name, what):
    with pytest.raises(InputError, match=rf"a.h5: {what}"):
        array_item(file, ArrayItem(name, 0))


@pytest.mark.parametrize("name", ["huge", "chunky"])
def test_memory_is_checked_before_an_item_is_decoded(file, name, monkeypatch):
    monkeypatch.setattr(memory, "_limit", 1 << 22)
    with pytest.raises(InputError, match="of memory"):
        array_item(file, ArrayItem(name, 0))


def test_damaged_files_are_refused_in_a_line(file):
    data = bytearray(file.read_bytes())
    with h5py.File(file) as opened:
        chunk = opened["x"].id.get_chunk_info(1)
    data[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    file.with_name("b.h5").write_bytes(data)
    np.testing.assert_array_equal(array_item(file.with_name("b.h5"), ArrayItem("x", 0)), RGB[0])
    with pytest.raises(InputError, match=r"b.h5: item 1 of array 'x' cannot be decoded"):
        array_item(file.with_name("b.h5"), ArrayItem("x", 1))
    for name, content in {"cut.h5": data[: len(data) // 3], "text.h5": b"words", "none.h5": b""}.items():
        file.with_name(name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: is not a readable HDF5 file"):
            array_item(file.with_name(name), ArrayItem("x", 0))


def test_a_changed_file_is_read_again(file):
    assert array_item(file, ArrayItem("x", 0)).shape == (6, 5, 3)
    file.unlink()
    with h5py.File(file, "w") as made:
        made["x"] = np.ones((2, 3, 3))
    np.testing.assert_array_equal(array_item(file, ArrayItem("x", 0)), np.ones((3, 3)))


def test_without_h5py_the_extra_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py.* is not installed; .*vesalius\[wsi\]"):
        array_item(file, ArrayItem("x", 0))
