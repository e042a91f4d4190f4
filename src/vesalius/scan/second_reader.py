"""The stored values of an original, read with other code than that of `open_scan`.

A reader's fault cancels out where the same reader stands on both sides of a comparison. So `verify` reads the original
with nibabel on the whole inflated file, from the cells of native DICOM pixels or with a second decoder, with the other
decoder of PNG and TIFF, or with numpy.load, and reports where no second reader exists.
"""

from __future__ import annotations

import gzip
import io
import itertools
import math
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError, VesaliusError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.damage import COPY_FIX, PADDING, read_to_end
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan

_COPIES = 3
"""Copies of the values held while they are decoded and ordered."""


def read_again(scan: Scan) -> tuple[Scan, str | None]:
    """Return the scan with pixels from a second reader, and that reader's name; the scan and None where there is none.

    Raises:
        InputError: the second reader finds the file damaged, or of another shape or number type.
    """
    native: Any = scan.native
    read = _READERS.get(native.format) if native else None
    if read is None:
        return scan, None
    pixels = native.pixels
    where = getattr(pixels, "path", None)
    if not pixels.direct:
        check_memory(
            _COPIES * math.prod(scan.shape) * scan.dtype.itemsize, where, instead="verify without the original"
        )
    try:
        decoded = read(native)
    except (VesaliusError, OSError, MemoryError):
        raise
    except Exception as error:  # decoders raise nearly anything on damaged data
        what = f"a second reader finds it damaged ({type(error).__name__})"
        raise InputError(what, where=where, fix=COPY_FIX) from error
    if decoded is None:
        return scan, None
    array, name = decoded
    if array.shape != scan.shape or array.dtype != scan.dtype:
        what = f"two readers disagree: {scan.dtype} {scan.shape} here, {array.dtype} {array.shape} from {name}"
        raise InputError(what, fix="report this with the kind of file")
    return replace(scan, pixels=ArrayPixels(array)), name


def _nifti(native: Any) -> tuple[NDArray[Any], str] | None:
    pixels = native.pixels
    if not pixels.direct:
        return _nibabel(native, io.BytesIO(_inflated(pixels.path, pixels.end)))
    with regular(pixels.path).open("rb") as file:  # mapped: no memory is taken
        return _nibabel(native, file)


def _nibabel(native: Any, bulk: BinaryIO) -> tuple[NDArray[Any], str] | None:
    import nibabel as nib
    from nibabel.fileholders import FileHolder

    header = bulk.read(4) if native.pair_header is None else native.pair_header
    bulk.seek(0)
    kind = nib.Nifti2Image if header[:4] in (b"\x1c\2\0\0", b"\0\0\2\x1c") else nib.Nifti1Image
    if native.pair_header is not None:
        kind = nib.Nifti2Pair if kind is nib.Nifti2Image else nib.Nifti1Pair
    files = {"header": FileHolder(fileobj=io.BytesIO(header)), "image": FileHolder(fileobj=bulk)}
    try:
        image = kind.from_file_map(files if native.pair_header is not None else {"image": files["image"]})
        array = np.asanyarray(image.dataobj.get_unscaled())
    except Exception:  # nibabel refuses some headers that our reader takes with a note
        return None
    i, j, k, t, *more = (*array.shape, 1, 1, 1)[: max(array.ndim, 4)]
    array = array.reshape((i, j, k, t, int(np.prod(more, dtype=int))), order="F")
    if array.dtype.names:
        array = np.stack([array[name] for name in array.dtype.names], axis=-1).reshape(*array.shape[:4], -1)
    return array.transpose(4, 3, 0, 1, 2), "nibabel"


def _inflated(path: Path, end: int) -> bytes:
    try:
        with gzip.open(regular(path), "rb") as stream:
            data = stream.read(end + PADDING)
            read_to_end(stream.read, path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError("is damaged", where=path, fix=COPY_FIX) from error
    return data


def _numpy(native: Any) -> tuple[NDArray[Any], str] | None:
    pixels = native.pixels
    loaded = np.load(regular(pixels.path), "r" if pixels.direct else None, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        array = loaded
    else:
        with loaded:
            array = loaded[pixels.member.removesuffix(".npy")]
    shape = {2: (1, 1, *array.shape, 1), 3: (1, 1, *array.shape), 4: (1, *array.shape)}.get(array.ndim, array.shape)
    return array.reshape(shape), "numpy.load"


def _raster(native: Any) -> tuple[NDArray[Any], str] | None:
    pictures = native.pixels.pictures
    decode = {"png": _png, "tiff": _tiff}.get(pictures[0].kind)
    if decode is None:
        return None
    pages: list[NDArray[Any]] = []
    names = set()
    for picture in pictures:
        decoded = decode(picture)
        if decoded is None:
            return None
        pages += [page.reshape(picture.shape) for page in decoded[0]]
        names.add(decoded[1])
    array_KJIC = np.stack(pages)
    return array_KJIC.transpose(3, 2, 1, 0)[:, None], " and ".join(sorted(names))


def _png(picture: Any) -> tuple[list[NDArray[Any]], str] | None:
    """Decode with libpng what Pillow decodes, and the other way round."""
    import imagecodecs
    from PIL import Image

    if picture.dtype.itemsize == 1:
        page = np.asarray(imagecodecs.png_decode(regular(picture.path).read_bytes()))
        page = page.reshape(*page.shape[:2], -1)
        if picture.dtype.kind == "b":
            page = page > 0
        return ([page], "libpng") if page.shape == picture.shape else None
    if picture.channels > 1:
        return None  # Pillow gives 8 of the 16 bits
    with Image.open(regular(picture.path)) as image:
        return [np.asarray(image).astype(picture.dtype)], "Pillow"


def _tiff(picture: Any) -> tuple[list[NDArray[Any]], str] | None:
    from PIL import Image

    pages = []
    try:
        with Image.open(regular(picture.path), formats=["TIFF"]) as image:
            for number in picture.pages:
                image.seek(number)
                page = np.asarray(image)
                page = page.reshape(*page.shape[:2], -1)
                if image.mode in ("P", "1") or picture.colour == "inverted" or page.shape != picture.shape:
                    return None
                if page.dtype != picture.dtype and not (page.dtype.kind == picture.dtype.kind == "u"):
                    return None  # Pillow converts some types
                pages.append(page.astype(picture.dtype))
    except Exception:  # Pillow reads fewer kinds of TIFF
        return None
    return pages, "Pillow"


def _dicom(native: Any) -> tuple[NDArray[Any], str] | None:
    from vesalius.scan.dicom.cells import cells, decode_again, values

    pixels, frames, names = native.pixels, [], set()
    for path, element in zip(pixels.paths, pixels.elements, strict=True):
        raw = cells(path, element)
        if raw is None:
            decoded = decode_again(path, element)
            if decoded is None:
                return None
            frames.append(decoded[0])
            names.add(decoded[1])
        else:
            frames.append(values(raw, element))
            names.add("the cells of Pixel Data")
    samples, times, columns, rows, slices = pixels.shape
    out = np.empty((times, slices, rows, columns, samples), pixels.dtype)
    for t, k in itertools.product(range(times), range(slices)):
        instance, frame = pixels.order_TK2[t, k].tolist()
        out[t, k] = frames[instance][frame]
    return out.transpose(4, 0, 3, 2, 1), " and ".join(sorted(names))


_READERS: dict[str, Callable[[Any], tuple[NDArray[Any], str] | None]] = {
    "nifti": _nifti,
    "dicom": _dicom,
    "numpy": _numpy,
    "raster": _raster,
}
"""Format -> second reader, which returns None for files that only the first reader knows."""
