"""Video coders through PyAV: pictures to raw packets and back, without a container.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.pictures import least_dtype
from vesalius.errors import CorruptFileError, UsageError

_RATE = Fraction(25)  # no meaning: a chunk's times stand in the file's header


@dataclass(frozen=True)
class VideoFormat:
    """Layout of pictures in a video frame.

    Args:
        name: FFmpeg's pixel format; its first plane holds the picture.
        bits: depth of the format.
        least_JI: least rows and columns that the encoder takes; sides are multiples of 8 besides.
    """

    name: str
    bits: int
    least_JI: tuple[int, int]

    def padded(self, shape_JI: tuple[int, ...]) -> tuple[int, int]:
        """Return the size (J, I) of the frames for pictures of this shape."""
        rows, columns = (max(least, -(-side // 8) * 8) for side, least in zip(shape_JI, self.least_JI, strict=True))
        return rows, columns

    @property
    def dtype(self) -> np.dtype[Any]:
        return least_dtype(self.bits)


def encode_frames(
    encoder: str, video: VideoFormat, x_NJI: NDArray[np.uint16], shift: int, options: dict[str, str]
) -> list[bytes]:
    """Encode pictures; return the packets in coding order.

    Pictures are shifted up by `shift` bits and grown to the frame by repeating their last row and column. Raises
    UsageError where the encoder is missing from this build of PyAV, or refuses the size.
    """
    rows, columns = video.padded(x_NJI.shape[1:])
    _, below, beside = np.subtract((0, rows, columns), (0, *x_NJI.shape[1:]))
    packets: list[bytes] = []
    try:
        context: Any = av.CodecContext.create(encoder, "w")
        context.width, context.height, context.pix_fmt = columns, rows, video.name
        context.time_base, context.framerate = 1 / _RATE, _RATE
        context.thread_count, context.options = 1, options
        for number, x_JI in enumerate(x_NJI):
            values_JI = np.pad(x_JI << shift, ((0, below), (0, beside)), mode="edge").astype(video.dtype)
            frame = _frame(video, values_JI)
            frame.pts, frame.time_base = number, context.time_base
            packets += [bytes(packet) for packet in context.encode(frame)]
        packets += [bytes(packet) for packet in context.encode(None)]
    except Exception as error:  # PyAV maps FFmpeg's error numbers to many kinds
        raise UsageError(
            f"{encoder} cannot code pictures of {x_NJI.shape[1]} rows and {x_NJI.shape[2]} columns",
            where="--coder",
            fix="choose another coder",
        ) from error
    return packets


def decode_frames(
    decoder: str,
    packets: list[bytes],
    video: VideoFormat,
    shape_NJI: tuple[int, int, int],
) -> NDArray[np.uint16]:
    """Decode pictures at the depth of the format, cropped to `shape_NJI`.

    Frames beyond the expected size are refused by the decoder before it takes memory for them. It runs in the calling
    thread alone: threads of the decoder give packets back to Python, and wait for ever where the thread that holds
    Python's lock waits for them.

    Raises:
        CorruptFileError: the packets are damaged, or hold another number, size or kind of frames.
        UsageError: the decoder is missing from this build of PyAV.
    """
    count, rows, columns = shape_NJI
    frame_JI = video.padded((rows, columns))
    try:
        context: Any = av.CodecContext.create(decoder, "r")
    except Exception as error:
        raise UsageError(f"this build of PyAV has no decoder {decoder}", fix="install av from its wheel") from error
    context.thread_count = 1
    context.options = {"max_pixels": str((frame_JI[0] + 64) * (frame_JI[1] + 64)), "err_detect": "explode"}
    x_NJI = np.empty(shape_NJI, np.uint16)
    seen = 0
    for frame in _decoded(context, packets):
        if seen == count or frame.format.name != video.name or (frame.height, frame.width) != frame_JI:
            raise CorruptFileError("a chunk holds video of another size, length or kind")
        plane = frame.planes[0]
        values = np.frombuffer(plane, video.dtype).reshape(-1, plane.line_size // video.dtype.itemsize)
        x_NJI[seen] = values[:rows, :columns]
        seen += 1
    if seen != count:
        raise CorruptFileError(f"a chunk holds {seen} frames, not {count}")
    return x_NJI


def lower(x_NJI: NDArray[np.uint16], shift: int, bits: int) -> NDArray[np.uint16]:
    """Undo the shift of lossy pictures: to the nearest value of `bits` bits, in place."""
    if shift:
        x_NJI += 1 << (shift - 1)  # depths end at 12 bits: no overflow
        x_NJI >>= shift
    return np.minimum(x_NJI, (1 << bits) - 1, out=x_NJI)


def _frame(video: VideoFormat, x_JI: NDArray[Any]) -> Any:
    """Make a frame whose other planes are the middle of the range."""
    rows, columns = x_JI.shape
    frame: Any = av.VideoFrame(columns, rows, video.name)
    for number, plane in enumerate(frame.planes):
        shape = (plane.height, plane.line_size // video.dtype.itemsize)
        values = np.full(shape, 1 << (video.bits - 1), video.dtype)
        if number == 0:
            values[:rows, :columns] = x_JI
        plane.update(values.tobytes())
    return frame


def _decoded(context: Any, packets: list[bytes]) -> Iterator[Any]:
    for packet in [*packets, None]:
        try:
            frames = context.decode(None if packet is None else av.Packet(packet))
        except Exception as error:
            raise CorruptFileError(f"a chunk's video cannot be decoded ({type(error).__name__})") from error
        yield from frames
