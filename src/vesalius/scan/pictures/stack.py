"""PNG, JPEG and TIFF pictures and numbered stacks of them; restored as PNG or TIFF.

I is the column, J the row, K the page of a TIFF file or the picture of a stack. Pictures state no place in the world,
so the geometry is None and no spacing is invented. A JPEG source is restored as PNG, because encoding it as JPEG again
would change it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.found import Found, refused
from vesalius.scan.native import Identifiers, Json, Kept, LossyNote, Packed
from vesalius.scan.note import noting
from vesalius.scan.pictures.picture import Picture, as_indices, beside, kind_of, look
from vesalius.scan.pictures.write import fits_png, photometric_of, write_png, write_tiff
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.scan.signature import misread

_PAGES_AT_A_TIME = 3
"""Pages in memory while decoding: the page, its source and its copy."""
_NEVER = r'/\\:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff'
_DEVICES = r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)"
_USABLE = re.compile(rf"(?!{_DEVICES})[^.{_NEVER}]([^{_NEVER}]{{0,200}}[^. {_NEVER}])?", re.IGNORECASE)
"""A file name that is valid on every system and stays in its folder."""
_NUMBERED = re.compile(r"(.*?)(\d{1,18})")


@dataclass(frozen=True, eq=False)
class RasterPixels:
    """Stored values of the pages of one file, or of a stack of files with one page each; decoded on every read."""

    pictures: tuple[Picture, ...]
    direct = False

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        rows, columns, channels = self.pictures[0].shape
        return channels, 1, columns, rows, len(self._places)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pictures[0].dtype

    @property
    def _places(self) -> list[tuple[int, int]]:
        """(picture, place of the page) of each slice."""
        return [(n, place) for n, picture in enumerate(self.pictures) for place in range(len(picture.pages))]

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        chosen = self._places[k]
        rows, columns, channels = self.pictures[0].shape
        page_bytes = rows * columns * channels * self.dtype.itemsize
        check_memory((len(chosen) + _PAGES_AT_A_TIME) * page_bytes, self.pictures[0].path)
        out = np.empty((channels, 1, columns, rows, len(chosen)), self.dtype)
        for number, picture in enumerate(self.pictures):
            mine = [(slot, place) for slot, (owner, place) in enumerate(chosen) if owner == number]
            for (slot, _), page in zip(mine, picture.read([place for _, place in mine]), strict=True):
                out[:, 0, :, :, slot] = page.transpose(2, 1, 0)
        return out[:, t]


@dataclass(frozen=True, eq=False)
class RasterNative:
    """Names and kind of the picture files."""

    pixels: RasterPixels
    stack: bool = False
    format: str = "raster"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Pack kind, colours and, for a stack, a name for each picture: its number, or its file name with "keep"."""
        first = self.pixels.pictures[0]
        warnings = ["JPEG pictures are restored as PNG"] if first.kind == "jpeg" else []
        names: list[Json] = [picture.path.name for picture in self.pixels.pictures] if self.stack else []
        usable = all(_USABLE.fullmatch(str(name)) for name in names)
        if identifiers != "keep" or not usable:
            names = [f"picture-{number:04d}" for number in range(1, len(names) + 1)]
            kept = "file names are not kept" if usable else "some file names are not valid everywhere"
            warnings += [f"{kept}: the pictures are restored with numbers"] if names else []
        facts: dict[str, Json] = {"kind": first.kind, "colour": first.colour, "byteorder": first.byteorder}
        packed = Packed("raster", {**facts, "names": names}, folder=self.stack, warnings=tuple(warnings))
        return replace(packed, kept=self.kept(packed))

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """Count what the files hold beside their values, which is left out; each kind counts once."""
        names = dict.fromkeys(name for picture in self.pixels.pictures for name in beside(picture))
        what = "texts and settings beside the values"
        return (Kept(what, left_out=len(names), names=tuple(names)),) if names else ()


def read(path: Path, reading: Reading = AS_STATED) -> Scan:
    """Open one picture file; pixels stay on disk.

    Raises:
        InputError: not a picture, damaged, or of an unsupported kind.
    """
    return _scan((look(path),), stack=False)


def indices(scan: Scan) -> Scan:
    """Return pictures with a palette as its indices, for label maps; any other scan unchanged."""
    pixels = scan.pixels
    if not isinstance(pixels, RasterPixels) or pixels.pictures[0].index_dtype is None:
        return scan
    return _scan(tuple(as_indices(picture) for picture in pixels.pictures), stack=len(pixels.pictures) > 1)


def list_stack(files: Sequence[Path]) -> list[Found]:
    """Return the stack that the files of a folder form: pictures of one kind, size and type with evenly counted names.

    The names are one stem and a number; they are ordered by the number, which grows in equal steps. Anything else
    is read as single pictures.

    Returns:
        The stack, and each damaged picture of it as an entry with a refusal; [] where there is no stack.
    """
    ordered = None if any(kind_of(path) is None or path.is_dir() for path in files) else _in_order(files)
    if ordered is None:
        return []
    pictures, lost = [], []
    for path in ordered:
        try:
            pictures.append(look(regular(path)))
        except InputError as error:
            lost.append(refused(path, misread(path, error), "raster"))
    facts = {(page.kind, page.shape, page.dtype, page.colour, len(page.pages), page.index_dtype) for page in pictures}
    if len(facts) != 1 or len(pictures[0].pages) > 1 or len(pictures) < 2:
        return []
    folder = ordered[0].parent
    opened = noting(partial(_scan, tuple(pictures), stack=True), [file.path for file in lost])
    return [Found(folder, "raster", opened, name=folder.resolve().name), *lost]


def _in_order(files: Sequence[Path]) -> list[Path] | None:
    """Sort by number, or return None where the names are not one stem and evenly growing numbers."""
    numbered = {}
    stems = set()
    for path in files:
        match = _NUMBERED.fullmatch(path.stem)
        if match is None:
            return None
        stems.add(match[1])
        numbered[int(match[2])] = path
    numbers = sorted(numbered)
    steps = {second - first for first, second in pairwise(numbers)}
    if len(stems) != 1 or len(steps) != 1 or len(numbers) != len(files):
        return None
    return [numbered[number] for number in numbers]


def _scan(pictures: tuple[Picture, ...], *, stack: bool) -> Scan:
    pixels = RasterPixels(pictures)
    problems = dict.fromkeys(note for picture in pictures for note in picture.notes)
    return Scan(pixels=pixels, colour=pictures[0].colour, problems=tuple(problems), native=RasterNative(pixels, stack))


def restore(packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None:
    """Write the pictures: a folder of files under their own names, or one file by the suffix of `path`.

    PNG and JPEG sources become PNG, TIFF sources TIFF.

    Raises:
        CorruptFileError: the stored names do not fit the pictures.
        UsageError: the output is PNG, which cannot hold the pictures.
    """
    kind, colour = str(packed.facts.get("kind")), str(packed.facts.get("colour"))
    order = str(packed.facts.get("byteorder"))
    if packed.folder:
        for k, name in enumerate(_names(packed, path, pixels.shape[4])):
            suffix = ".tif" if kind == "tiff" else ".png"
            file_name = name if kind != "jpeg" and Path(name).suffix else Path(name).with_suffix(suffix).name
            _write(path / file_name, _pages(pixels, slice(k, k + 1)), pixels, colour, order)
        return
    _write(path, _pages(pixels, ALL), pixels, colour, order)


def _write(path: Path, pages: Iterator[NDArray[Any]], pixels: Pixels, colour: str, order: str) -> None:
    if kind_of(path) == "tiff":
        size = int(np.prod(pixels.shape)) * pixels.dtype.itemsize
        write_tiff(path, pages, size, photometric=photometric_of(colour), byteorder=order)
        return
    pictures = list(pages)
    if len(pictures) > 1 or not fits_png(pixels.dtype, pixels.shape[0]) or colour == "inverted":
        fix = "end the name of the output with .tif"
        raise UsageError("PNG cannot hold the pictures of this TIFF file", where=path.name, fix=fix)
    write_png(path, pictures[0])


def _pages(pixels: Pixels, k: slice) -> Iterator[NDArray[Any]]:
    """Yield the slices `k` as (J, I, C), one at a time."""
    for number in range(pixels.shape[4])[k]:
        yield pixels.read(k=slice(number, number + 1))[:, 0, :, :, 0].transpose(2, 1, 0)


def _names(packed: Packed, path: Path, count: int) -> list[str]:
    """Return the stored file names after a check: a `.vsl` file may come from anyone."""
    stored = packed.facts.get("names")
    names = [str(name) for name in stored] if isinstance(stored, list) else []
    safe = all(_USABLE.fullmatch(name) for name in names)
    if len(names) != count or len({name.lower() for name in names}) != count or not safe:
        fix = "extract single pictures with --slice N, or use vesalius convert"
        raise CorruptFileError("the stored picture names are unusable", where=path, fix=fix)
    return names
