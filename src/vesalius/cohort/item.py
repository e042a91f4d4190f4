"""What a path of a case names inside a file: one item of an array, or a region of a picture or slide.

archive.npz#train_images/12       item 12 of an array (.npz, .npy, .h5, .hdf5)
smear.jpg#region/10,20,64,64      x, y, width and height in pixels: a region of a picture, as it lies there
slide.svs#region/0,0,448,448/224x224     a region of a whole-slide image (pixels of level 0), read at this size
"""

from __future__ import annotations

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


Item = ArrayItem | Region


def split_item(path: str) -> tuple[str, Item | None]:
    """Split a path of a case into the file and the item that it names; None where it names the whole file.

    >>> split_item("archive.npz#train_images/12")
    ('archive.npz', ArrayItem(array='train_images', index=12))
    >>> split_item("smear.jpg#region/10,20,64,64")[1].width
    64
    """
    file, mark, text = path.rpartition("#")
    if not mark or not file:
        return path, None
    array, slash, index = text.rpartition("/")
    if slash and index.isascii() and index.isdecimal() and file.lower().endswith(ARRAYS):
        return file, ArrayItem(array, int(index))
    region = Region.parse(text)
    return (path, None) if region is None else (file, region)
