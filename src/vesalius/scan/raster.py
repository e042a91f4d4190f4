"""Pictures: PNG, JPEG and TIFF, 8 and 16 bits, grey or coloured; single, multi-page, or a numbered stack in a folder.

I = column, J = row, K = page or number. Pictures state no geometry that could be trusted: none is made up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.scan.native import Identifiers, Json, LossyNote, Packed
from vesalius.scan.open import Found
from vesalius.scan.picture_file import PictureHead, decode, head, write_tiff
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.scan import Colour, Scan

STACK_SUFFIXES = (".png", ".tif", ".tiff")
"""Files of a numbered stack; JPEG photographs are never slices."""
_NUMBERED = re.compile(r"(.*?)(\d+)$")
_COLOURS: dict[int, Colour] = {1: "grey", 3: "rgb", 4: "rgb"}


@dataclass(frozen=True, eq=False)
class RasterPixels:
    """Pages of picture files, one after the other along K, decoded when asked for.

    Args:
        files: the files in order.
        first: head of the first; the others have the same size and type.
    """

    files: tuple[Path, ...]
    first: PictureHead

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(C, 1, I, J, K)."""
        return self.first.channels, 1, self.first.columns, self.first.rows, self.first.pages * len(self.files)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored dtype."""
        return self.first.dtype

    @property
    def direct(self) -> bool:
        """Never: a picture is decoded whole."""
        return False

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Slices `k` as (C, t, I, J, k).

        Raises:
            InputError: a picture is damaged or differs from the first.
        """
        slices = range(self.shape[4])[k]
        pages = self.first.pages
        decoded: dict[int, NDArray[Any]] = {}
        for number in sorted({one // pages for one in slices}):
            decoded[number] = self._decode(self.files[number])
        parts = [decoded[one // pages][:, one % pages] for one in slices]
        if not parts:
            return np.empty((*self.shape[:4], 0), dtype=self.dtype)[:, t]
        return np.stack([part.transpose(0, 2, 1) for part in parts], axis=-1)[:, None][:, t]

    def _decode(self, path: Path) -> NDArray[Any]:
        array_CKJI = decode(path)
        expected = (self.first.channels, self.first.pages, self.first.rows, self.first.columns)
        if array_CKJI.shape != expected or array_CKJI.dtype != self.dtype:
            raise InputError("differs from the first picture in size or type", where=path)
        return array_CKJI


@dataclass(frozen=True)
class RasterNative:
    """What pictures need to be written back: their names and kind.

    Args:
        names: file names in order.
        kind: "png" or "tiff"; a JPEG comes back as PNG, since coding it again would change it.
        bilevel: a picture of one bit a pixel.
        folder: a numbered stack.
        format: always "raster".
    """

    names: tuple[str, ...]
    kind: str
    bilevel: bool
    folder: bool
    format: str = "raster"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Kind, and the names of a stack (numbers only under "strip")."""
        names: list[Json] = []
        if self.folder:
            suffix = ".tif" if self.kind == "tiff" else ".png"
            plain = [f"{number:04d}{suffix}" for number in range(len(self.names))]
            names.extend(plain if identifiers == "strip" else self.names)
        warnings = ("the file names of the pictures are kept; --strip numbers them",) if names else ()
        facts: dict[str, Json] = {"kind": self.kind, "bilevel": self.bilevel, "names": names}
        return Packed("raster", facts, folder=self.folder, warnings=warnings if identifiers != "strip" else ())


def read(path: Path) -> Scan:
    """Open one picture file.

    Raises:
        InputError: damaged, too large, or of a kind that is not read.
    """
    return _scan([path], folder=False)


def find_stack(folder: Path) -> Found | None:
    """A folder of nothing but PNG or TIFF pictures of one size with numbered names, or None."""
    if not folder.is_dir():
        return None
    files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    matches = [(_NUMBERED.match(file.stem), file) for file in files if file.suffix.lower() in STACK_SUFFIXES]
    if len(files) < 2 or len(matches) < len(files) or not all(match for match, _ in matches):
        return None
    if len({(match.group(1), file.suffix) for match, file in matches if match}) > 1:
        return None
    ordered = [file for _, file in sorted((int(match.group(2)), file) for match, file in matches if match)]
    try:
        heads = {head(file) for file in ordered}
    except InputError:
        return None
    if len(heads) > 1:
        return None
    return Found(folder, "raster", partial(_scan, ordered, folder=True), name=folder.name)


def restore(packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None:
    """Write the pictures back: a folder under their own names, or one file.

    Raises:
        CorruptFileError: the stored names are not plain file names, or do not fit the pixels.
    """
    facts = packed.facts
    names, tiff = facts["names"], facts["kind"] == "tiff"
    if not packed.folder:
        _write(
            pixels.read()[:, 0], path, tiff=tiff or path.suffix.lower() in (".tif", ".tiff"), bilevel=facts["bilevel"]
        )
        return
    slices = pixels.shape[4]
    if not isinstance(names, list) or not names or slices % len(names) or len(set(map(str, names))) < len(names):
        raise CorruptFileError("the stored file names do not fit the pictures", where=path)
    pages = slices // len(names)
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name or Path(name).name != name or name.startswith("."):
            raise CorruptFileError("a stored file name is not a plain one", where=path)
        array_CIJK = pixels.read(k=slice(number * pages, (number + 1) * pages))[:, 0]
        _write(array_CIJK, path / name, tiff=tiff, bilevel=facts["bilevel"])


def write_picture(scan: Scan, path: Path) -> None:
    """Write one frame of one slice as PNG or TIFF, stored values.

    Raises:
        UsageError: the scan has several slices or frames, or a type that PNG cannot hold.
    """
    _, frames, _, _, slices = scan.shape
    if frames * slices != 1:
        raise UsageError(
            f"{frames} frames of {slices} slices are no single picture", where=path, fix="write .nii or .npy"
        )
    _write(scan.stored()[:, 0], path, tiff=path.suffix.lower() != ".png", bilevel=False)


def _scan(files: Sequence[Path], *, folder: bool) -> Scan:
    first = head(files[0])
    kind = "tiff" if files[0].suffix.lower() in (".tif", ".tiff") else "png"
    native = RasterNative(tuple(file.name for file in files), kind, first.bilevel, folder)
    pixels = RasterPixels(tuple(files), first)
    return Scan(pixels, colour=_COLOURS.get(first.channels, "channels"), problems=first.notes, native=native)


def _write(array_CIJK: NDArray[Any], path: Path, *, tiff: bool, bilevel: object) -> None:
    from PIL import Image

    array_KJIC = array_CIJK.transpose(3, 2, 1, 0)
    if tiff:
        write_tiff(array_KJIC, path)
        return
    if len(array_KJIC) != 1 or array_KJIC.dtype not in (np.uint8, np.uint16):
        raise UsageError(f"PNG cannot hold {len(array_KJIC)} pages of {array_KJIC.dtype}", where=path, fix="write .tif")
    picture_JIC = np.ascontiguousarray(array_KJIC[0])
    if bilevel and picture_JIC.dtype == np.uint8:
        Image.fromarray(picture_JIC[..., 0]).convert("1").save(path, format="PNG")
        return
    import imagecodecs

    channels = picture_JIC.shape[2]
    if channels > 4:
        raise UsageError(f"PNG cannot hold {channels} channels", where=path, fix="write .tif")
    path.write_bytes(imagecodecs.png_encode(picture_JIC[..., 0] if channels == 1 else picture_JIC))
