"""Stored values of a DICOM stack, decoded frame by frame on demand.

Stored means: the output of the decoder of the transfer syntax, without a change of colour space (YBR stays YBR) and
without rescaling; bits above BitsStored are cut off as in pydicom. Byte order is little endian, whatever the file has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.damage import COPY_FIX, not_readable
from vesalius.scan.dicom.element import PLUGINS, PixelElement, check_frame, parse_frame, read_span
from vesalius.scan.dicom.header import open_stream
from vesalius.scan.dicom.values import quiet
from vesalius.scan.pixels import ALL


@dataclass(frozen=True, eq=False)
class DicomPixels:
    """Pixels (C, T, I, J, K) of the instances of one stack.

    Args:
        paths: file of each instance.
        elements: pixel element of each instance; all share rows, columns, samples and dtype.
        order_TK2: instance and frame of each (t, k).
    """

    paths: tuple[Path, ...]
    elements: tuple[PixelElement, ...]
    order_TK2: NDArray[np.int64]
    direct = False

    @cached_property
    def shape(self) -> tuple[int, int, int, int, int]:
        t, k, _ = self.order_TK2.shape
        first = self.elements[0]
        return first.samples, t, first.columns, first.rows, k

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.elements[0].dtype

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        order = self.order_TK2[t, k]
        samples, _, columns, rows, _ = self.shape
        frame_bytes = samples * columns * rows * self.dtype.itemsize
        check_memory((2 * order.shape[0] * order.shape[1] + 2) * frame_bytes, self.paths[0])
        frames_TKCJI = np.empty((*order.shape[:2], samples, rows, columns), dtype=self.dtype)
        for instance in np.unique(order[..., 0]).tolist():
            places = np.argwhere(order[..., 0] == instance)
            wanted = [int(order[place[0], place[1], 1]) for place in places]
            for place, x_JIC in zip(places, self._decode(instance, wanted), strict=True):
                frames_TKCJI[place[0], place[1]] = x_JIC.transpose(2, 0, 1)
        return frames_TKCJI.transpose(2, 0, 4, 3, 1)

    def _decode(self, instance: int, frames: list[int]) -> list[NDArray[Any]]:
        path, element = self.paths[instance], self.elements[instance]
        try:
            with regular(path).open("rb") as file:
                head = file.read(4096)
                stream = open_stream(file, head)
                with quiet():
                    return [_decode_frame(stream, element, frame) for frame in frames]
        except InputError as error:
            raise error.at(path) from error
        except OSError as error:
            raise not_readable(path, error) from error
        except Exception as error:  # decoders raise nearly anything on damaged data
            what = f"the pixels cannot be decoded ({_last_line(error)})"
            raise InputError(what, where=path, fix=COPY_FIX) from error


def _decode_frame(stream: BinaryIO, element: PixelElement, frame: int) -> NDArray[Any]:
    """Decode one frame as (J, I, C)."""
    decoder = get_decoder(UID(element.syntax))
    options = _options(element)
    if element.is_compressed:
        data = b"".join(read_span(stream, span) for span in element.spans[frame])
        _check_frame(data, element)
        plugin = PLUGINS[element.syntax]
        if plugin == "imagecodecs":
            return _decode_jpeg(data, element)
        buffer = encapsulate([data], has_bot=False)
        options["number_of_frames"] = 1
        array, _ = decoder.as_array(buffer, index=0, raw=True, decoding_plugin=plugin, **options)
    else:
        stream.seek(element.offset)
        array, _ = decoder.as_array(stream, index=frame, raw=True, **options)
    return array.reshape(element.rows, element.columns, element.samples).astype(element.dtype, copy=False)


def _decode_jpeg(data: bytes, element: PixelElement) -> NDArray[Any]:
    """Decode one frame of any JPEG process as (J, I, C), colours as in the stream."""
    if element.samples == 3:  # the same name twice: no transform
        array = imagecodecs.jpeg_decode(data, colorspace="YCBCR", outcolorspace="YCBCR")
    else:
        array = imagecodecs.jpeg_decode(data)
    array = np.asarray(array).astype(element.dtype)
    unused = 8 * element.dtype.itemsize - element.bits_stored
    if unused:  # signed values come as the low bits of two's complement
        array = array << unused >> unused
    return array.reshape(element.rows, element.columns, element.samples)


def _options(element: PixelElement) -> dict[str, Any]:
    options: dict[str, Any] = {
        "rows": element.rows,
        "columns": element.columns,
        "samples_per_pixel": element.samples,
        "bits_allocated": element.bits_allocated,
        "photometric_interpretation": element.photometric,
        "planar_configuration": element.planar,
        "number_of_frames": element.frames,
        "pixel_keyword": element.keyword,
        "pixel_vr": element.vr,
    }
    if element.keyword == "PixelData":
        options |= {"bits_stored": element.bits_stored, "pixel_representation": int(element.signed)}
    return options


def _check_frame(data: bytes, element: PixelElement) -> None:
    stream = None
    if element.syntax != RLELossless:
        stream = parse_frame(data)
        if stream is None:
            raise InputError("a compressed frame has no readable header", fix=COPY_FIX)
    check_frame(stream, len(data), element)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:160]
