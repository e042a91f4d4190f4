"""One PNG, JPEG or TIFF file: its header, and its pages as arrays (J, I, C).

Letters: J rows, I columns, C channel. Palettes are expanded to RGB, or read as indices
where the picture is a label map; EXIF orientation is reported, not applied.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.colours import narrow_palette
from vesalius.scan.damage import COPY_FIX, not_decodable, surplus_notes
from vesalius.scan.pictures import complete
from vesalius.scan.scan import Colour

Kind = Literal["png", "jpeg", "tiff"]

MAX_PIXELS = int(Image.MAX_IMAGE_PIXELS or 0)
"""A page with more pixels is treated as a decompression bomb."""
_KINDS: dict[str, Kind] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".tif": "tiff", ".tiff": "tiff"}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
"""PNG colour type -> channels, palette expanded."""
_MODES = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "P": 3}
"""Pillow mode -> channels, palette expanded."""
_ORIENTATION_TAG = 274
_EXPANDED = "palette colours are expanded to RGB"
_INDICES = "the values are palette indices, not colours"
_ALPHA = "channel {} is transparency (alpha) and kept unchanged"
for _library in ("tifffile", "imagecodecs", "PIL"):  # their warnings are not printed
    logging.getLogger(_library).addHandler(logging.NullHandler())
_PNG_PICTURE = frozenset({"IHDR", "PLTE", "IDAT", "IEND", "tRNS"})
_PNG_NAMES = {
    "tEXt": "text",
    "zTXt": "text",
    "iTXt": "text",
    "pHYs": "resolution",
    "tIME": "time",
    "eXIf": "EXIF",
    "iCCP": "colour profile",
    "gAMA": "gamma",
    "sRGB": "sRGB intent",
    "cHRM": "primaries",
    "bKGD": "background",
    "sBIT": "significant bits",
}
_TIFF_PICTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 284, 292, 293, 296, 297, 317, 320}
    | {322, 323, 324, 325, 330, 332, 338, 339, 347, 512, 513, 514, 530, 531, 532}
)
"""Tags that say how the values are stored; a writer sets its own."""
_RESOLUTION = frozenset({282, 283})


@dataclass(frozen=True)
class Picture:
    """The header of a picture file.

    Args:
        path: the file.
        kind: its format.
        size_JI: rows and columns.
        channels: values per pixel.
        dtype: dtype of the values, in the machine's byte order.
        colour: meaning of the channels.
        pages: numbers of the pages to read, more than one only for TIFF.
        notes: caveats.
        byteorder: byte order of a TIFF file.
        index_dtype: dtype of its palette indices, None without a palette.
        indices: True where its pages are read as these indices.
    """

    path: Path
    kind: Kind
    size_JI: tuple[int, int]
    channels: int
    dtype: np.dtype[Any]
    colour: Colour
    pages: tuple[int, ...] = (0,)
    notes: tuple[str, ...] = ()
    byteorder: str = "<"
    index_dtype: np.dtype[Any] | None = None
    indices: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(J, I, C) of a page."""
        return (*self.size_JI, self.channels)

    def read(self, which: Sequence[int]) -> Iterator[NDArray[Any]]:
        """Decode the pages `which` (places in `pages`), each (J, I, C).

        Raises:
            InputError: damaged, or changed since the header was read.
        """
        decode = {"png": _decode_png, "jpeg": _decode_jpeg, "tiff": _decode_tiff}[self.kind]
        try:
            for page in decode(self, [self.pages[number] for number in which]):
                array = page.reshape(page.shape[0], page.shape[1], -1)
                if array.shape != self.shape or array.dtype != self.dtype:
                    raise InputError("the picture does not match its header", where=self.path, fix=COPY_FIX)
                yield array
        except InputError:
            raise
        except Exception as error:  # decoders raise nearly anything
            raise not_decodable(self.path, error, "a picture") from error


def as_indices(picture: Picture) -> Picture:
    """Return the same picture with the indices of its palette as values, where it has one."""
    if picture.index_dtype is None:
        return picture
    notes = tuple(_INDICES if note == _EXPANDED else note for note in picture.notes)
    return replace(picture, channels=1, colour="grey", dtype=picture.index_dtype, notes=notes, indices=True)


def kind_of(path: Path) -> Kind | None:
    """Return the format that the suffix names, or None where it is not a picture."""
    return _KINDS.get(path.suffix.lower())


def look(path: Path) -> Picture:
    """Read the header of a picture.

    Raises:
        InputError: damaged, animated, of unsupported colours, or too large to be safe.
    """
    kind = kind_of(path)
    if kind is None:
        raise InputError("is not a PNG, JPEG or TIFF file", where=path)
    looker: Callable[[Path], Picture] = {"png": _look_png, "jpeg": _look_jpeg, "tiff": _look_tiff}[kind]
    try:
        picture = looker(path)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, "more pixels than") from error
    except Exception as error:  # decoders raise nearly anything
        raise not_decodable(path, error, "a picture") from error
    rows, columns = picture.size_JI
    if rows * columns * max(1, picture.channels / 4) > MAX_PIXELS:
        raise _too_large(path, f"{columns} x {rows} pixels of {picture.channels} channel(s), more than")
    if min(picture.shape) < 1:
        raise InputError("the picture is empty", where=path)
    return picture


def _open(source: Path | io.BytesIO, kind: Kind) -> Image.Image:
    stream = regular(source) if isinstance(source, Path) else source
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(stream, formats=[kind.upper()])


def _look_png(path: Path) -> Picture:
    with regular(path).open("rb") as file:
        head = file.read(26)
    if len(head) < 26 or not head.startswith(complete.PNG_SIGNATURE):
        raise InputError("is not a PNG file", where=path, fix=COPY_FIX)
    depth, colour_type = head[24], head[25]
    with _open(path, "png") as image:
        check_memory(2 * image.width * image.height * len(image.getbands()), path)  # EXIF decodes the picture
        if getattr(image, "n_frames", 1) > 1:
            raise InputError("is animated; only still pictures are supported", where=path)
        channels = _PNG_CHANNELS.get(colour_type) if depth == 16 else _MODES.get(image.mode)
        if channels is None:
            raise InputError(f"pictures of mode {image.mode} are not supported", where=path)
        notes = _notes(image.getexif().get(_ORIENTATION_TAG)) + surplus_notes(complete.png_left_over(path))
        if "transparency" in image.info:
            notes.append("the transparency of single colours is ignored")
        if image.mode == "P":
            notes.append(_EXPANDED)
        elif channels in (2, 4):
            notes.append(_ALPHA.format(channels))
        elif depth in (2, 4):
            notes.append(f"grey values of {depth} bits are read as 8 bits")
        dtype = {16: "u2", 1: "?" if image.mode == "1" else "u1"}.get(depth, "u1")
        size, index_dtype = (image.height, image.width), np.dtype("u1") if image.mode == "P" else None
    colour = _colour(channels)
    return Picture(path, "png", size, channels, np.dtype(dtype), colour, notes=tuple(notes), index_dtype=index_dtype)


def _look_jpeg(path: Path) -> Picture:
    with _open(path, "jpeg") as image:
        if image.mode not in ("L", "RGB"):
            raise InputError(f"{image.mode} pictures are not supported", where=path, fix="save it as RGB or grey")
        notes = _notes(image.getexif().get(_ORIENTATION_TAG))
        if getattr(image, "n_frames", 1) > 1:
            notes.append("holds further pictures; only the first is read")
        channels, size = _MODES[image.mode], (image.height, image.width)
    return Picture(path, "jpeg", size, channels, np.dtype("u1"), _colour(channels), notes=tuple(notes))


def _look_tiff(path: Path) -> Picture:
    from tifffile import PHOTOMETRIC, TiffFile

    complete.check_tiff_chain(path)
    with TiffFile(regular(path)) as file:
        every: list[Any] = list(file.pages)
        pages = [(number, page) for number, page in enumerate(every) if not page.is_reduced]
        if not pages:
            raise InputError("holds no page of full size", where=path)
        first = pages[0][1]
        facts = {(page.shape, page.axes, str(page.dtype), page.photometric) for _, page in pages}
        if len(facts) > 1:
            raise InputError(f"its {len(pages)} pages differ in size or type", where=path, fix="save them one by one")
        notes = _notes(first.tags.valueof(_ORIENTATION_TAG)) + complete.check_tiff_places(path, every)
        complete.check_tiff_count(path, file.imagej_metadata, len(every))
        if len(pages) < len(every):
            notes.append(f"{len(every) - len(pages)} reduced page(s) are skipped")
        if len(pages) > 1 and (file.is_imagej or file.is_ome):
            notes.append("the meaning of the pages (time, channel, depth) is not read: they become K")
        if first.axes not in ("YX", "YXS", "SYX"):
            raise InputError(f"pages with the axes {first.axes} are not supported", where=path)
        rows, columns, samples = (first.sizes.get(name, 1) for name in ("height", "width", "sample"))
        if not all(isinstance(length, int) for length in (rows, columns, samples)):
            raise InputError("states no clear size", where=path, fix=COPY_FIX)
        colour, dtype = _tiff_colour(path, first, samples), first.dtype
        index_dtype = dtype if first.photometric == PHOTOMETRIC.PALETTE else None
        if index_dtype is not None:
            notes.append(_EXPANDED)
            samples, dtype = 3, _palette(first).dtype
        elif first.photometric == PHOTOMETRIC.RGB and samples == 4:
            notes.append(_ALPHA.format(samples))
        numbers = tuple(number for number, _ in pages)
        order = file.byteorder
    if dtype is None or dtype.kind not in "biufc":
        raise InputError("values of this type are not supported", where=path)
    return Picture(path, "tiff", (rows, columns), samples, dtype, colour, numbers, tuple(notes), order, index_dtype)


def _tiff_colour(path: Path, page: Any, samples: int) -> Colour:
    from tifffile import COMPRESSION, PHOTOMETRIC

    jpeg = page.compression in (COMPRESSION.JPEG, COMPRESSION.OJPEG)
    if page.photometric == PHOTOMETRIC.PALETTE:
        return "rgb"
    if page.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB) or (
        page.photometric == PHOTOMETRIC.YCBCR and jpeg
    ):
        named_rgb = page.photometric != PHOTOMETRIC.MINISBLACK and samples == 3
        return "rgb" if named_rgb else _colour(samples, rgb="channels")
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        return "inverted" if samples == 1 else "channels"
    raise InputError(f"TIFF colours of the kind {page.photometric.name} are not supported", where=path)


def _colour(channels: int, rgb: Colour = "rgb") -> Colour:
    return "grey" if channels == 1 else rgb if channels == 3 else "channels"


def _palette(page: Any) -> NDArray[Any]:
    return narrow_palette(np.asarray(page.colormap))


def _notes(orientation: Any) -> list[str]:
    if orientation in (None, 0, 1):
        return []
    return [f"the EXIF orientation {orientation} of the file is not applied"]


def _decode_png(picture: Picture, pages: Sequence[int]) -> Iterator[NDArray[Any]]:
    for _ in pages:
        data = regular(picture.path).read_bytes()
        complete.check_png(data, picture.path)
        if picture.dtype.itemsize == 1:
            yield _decode_pillow(picture, io.BytesIO(data))
        else:
            import imagecodecs  # Pillow would give 8 of the 16 bits

            yield imagecodecs.png_decode(data)


def _decode_jpeg(picture: Picture, pages: Sequence[int]) -> Iterator[NDArray[Any]]:
    return (_decode_pillow(picture, picture.path) for _ in pages)


def _decode_pillow(picture: Picture, source: Path | io.BytesIO) -> NDArray[Any]:
    with _open(source, picture.kind) as image:
        image.info.pop("transparency", None)  # in the notes already; convert would warn about it
        return np.asarray(image.convert("RGB") if image.mode == "P" and not picture.indices else image)


def _decode_tiff(picture: Picture, pages: Sequence[int]) -> Iterator[NDArray[Any]]:
    from tifffile import PHOTOMETRIC, TiffFile

    with TiffFile(regular(picture.path)) as file:
        for number in pages:
            page: Any = file.pages[number]
            array = page.asarray()
            if page.photometric == PHOTOMETRIC.PALETTE and not picture.indices:
                array = np.moveaxis(_palette(page)[:, array], 0, -1)
            elif page.axes == "SYX":
                array = np.moveaxis(array, 0, -1)
            yield array


def _too_large(path: Path, what: str) -> InputError:
    return InputError(f"holds {what} {MAX_PIXELS}, as a decompression bomb would", where=path, fix="cut it into tiles")


def beside(picture: Picture) -> list[str]:
    """Return the names of the other content, each once.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        return list(
            dict.fromkeys({"png": _beside_png, "jpeg": _beside_jpeg, "tiff": _beside_tiff}[picture.kind](picture))
        )
    except Exception as error:  # decoders raise nearly anything
        raise InputError("cannot be read", where=picture.path) from error


def _beside_png(picture: Picture) -> list[str]:
    kinds = complete.png_chunks(regular(picture.path).read_bytes())
    names = [_PNG_NAMES.get(kind, kind) for kind in kinds if kind not in _PNG_PICTURE]
    return names + (["bytes behind the picture"] if complete.png_left_over(picture.path) else [])


def _beside_jpeg(picture: Picture) -> list[str]:
    names = {"exif": "EXIF", "icc_profile": "colour profile", "comment": "text", "photoshop": "Photoshop data"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(regular(picture.path), formats=["JPEG"]) as image:
            present = [name for key, name in names.items() if image.info.get(key)]
            return present + (["resolution"] if image.info.get("jfif_unit") else [])


def _beside_tiff(picture: Picture) -> list[str]:
    from tifffile import TiffFile

    with TiffFile(regular(picture.path)) as file:
        tags = [tag for page in file.pages for tag in getattr(page, "tags", ())]
        return [
            "resolution" if tag.code in _RESOLUTION else tag.name
            for tag in tags
            if tag.code not in _TIFF_PICTURE and not (tag.code in _RESOLUTION and tag.value in ((1, 1), (0, 0), (0, 1)))
        ]
