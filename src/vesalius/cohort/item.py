"""What a path of a case names inside a file: an item of an array, a region of a picture or slide, a member of a shard.

archive.npz#train_images/12       item 12 of an array (.npz, .npy, .h5, .hdf5)
smear.jpg#region/10,20,64,64      x, y, width and height in pixels: a region of a picture, as it lies there
slide.svs#region/0,0,448,448/224x224     a region of a whole-slide image (pixels of level 0), read at this size
train-000000.tar#p1.image.png     a member of an uncompressed tar file (shard)
train-000000.tar#p1.image.*       all members whose names begin so: one series of DICOM or numbered pictures
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vesalius.scan.region import Region

ARRAYS = (".npz", ".npy", ".h5", ".hdf5")
"""Suffixes of files with arrays."""


@dataclass(frozen=True)
class ArrayItem:
    """One item of an array.

    Args:
        array: name of the array in the file; "" in a .npy file.
        index: along its first axis, from 0.
    """

    array: str
    index: int

    @property
    def text(self) -> str:
        """Form in which a path names the item."""
        return f"{self.array}/{self.index}"


@dataclass(frozen=True)
class TarMember:
    """A member of a tar file, or several that are one scan.

    Args:
        name: of the member, or the beginning of several names and ".*".
    """

    name: str

    @property
    def text(self) -> str:
        """Form in which a path names the member."""
        return self.name

    @property
    def is_series(self) -> bool:
        """Whether several members are one scan."""
        return self.name.endswith(".*")

    @property
    def prefix(self) -> str:
        """Beginning of the names of a series."""
        return self.name.removesuffix("*")


Item = ArrayItem | Region | TarMember
_IN_TAR = re.compile(r"(?P<file>.*?\.tar)#(?P<member>.+)", re.IGNORECASE | re.DOTALL)


def split_item(path: str) -> tuple[str, Item | None]:
    """Split a path of a case into the file and the item that it names; None where it names the whole file.

    >>> split_item("archive.npz#train_images/12")
    ('archive.npz', ArrayItem(array='train_images', index=12))
    >>> split_item("smear.jpg#region/10,20,64,64")[1].width
    64
    >>> split_item("train-000000.tar#p1.image.png")[1].name
    'p1.image.png'
    """
    in_tar = _IN_TAR.fullmatch(path)
    if in_tar is not None:
        return in_tar["file"], TarMember(in_tar["member"])
    file, mark, text = path.rpartition("#")
    if not mark or not file:
        return path, None
    array, slash, index = text.rpartition("/")
    if slash and index.isascii() and index.isdecimal() and file.lower().endswith(ARRAYS):
        return file, ArrayItem(array, int(index))
    region = Region.parse(text)
    return (path, None) if region is None else (file, region)
