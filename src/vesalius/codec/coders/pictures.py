"""What coders share: checks of pictures and of the claims of streams; coders that work picture by picture.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders import parts
from vesalius.codec.coders.protocol import Coder
from vesalius.errors import CorruptFileError

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def check_pictures(x_NJI: NDArray[Any], bits: int, most_bits: int) -> NDArray[np.uint16]:
    """Return pictures as contiguous uint16.

    Raises:
        ValueError: not (N, J, I) of uint8 or uint16, an empty axis, or a value that needs more than `bits` bits: a
            bug of the caller, never an error of the user.
    """
    if x_NJI.ndim != 3 or 0 in x_NJI.shape or x_NJI.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a coder takes uint8 or uint16 of shape (N, J, I), not {x_NJI.dtype} of {x_NJI.shape}")
    if not 1 <= bits <= most_bits:
        raise ValueError(f"this coder takes 1 to {most_bits} bits here, not {bits}")
    if int(x_NJI.max()) >> bits:
        raise ValueError(f"the value {int(x_NJI.max())} needs more than {bits} bits")
    return np.ascontiguousarray(x_NJI, dtype=np.uint16)


def check_claim(shape_NJI: tuple[int, int, int], bits: int, most_bits: int) -> None:
    """Raise CorruptFileError for a shape with an empty axis or a depth beyond the coder's, which no encoder writes."""
    if min(shape_NJI) < 1 or not 1 <= bits <= most_bits:
        raise CorruptFileError(f"a chunk cannot hold pictures of shape {shape_NJI} with {bits} bits")


class PictureCoder(Coder):
    """A coder that codes each picture (J, I) alone; the parts stand in order, each behind its length."""

    @abstractmethod
    def encode_picture(self, x_JI: NDArray[np.uint16], bits: int, quality: float | None) -> bytes:
        """Code one picture."""

    @abstractmethod
    def decode_picture(self, part: bytes, shape_JI: tuple[int, int], bits: int) -> NDArray[Any]:
        """Return one picture; damaged bytes may raise any exception."""

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        pictures = list(check_pictures(x_NJI, bits, self.lossless_bits))
        return parts.join(in_threads(lambda x_JI: self.encode_picture(x_JI, bits, quality), pictures, threads))

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        check_claim(shape_NJI, bits, self.lossless_bits)
        count = shape_NJI[0]
        coded = parts.split(data, most=count)
        if len(coded) != count:
            raise CorruptFileError(f"a chunk holds {len(coded)} pictures, not {count}")

        def decode(part: bytes) -> NDArray[np.uint16]:
            try:
                picture_JI = self.decode_picture(part, shape_NJI[1:], bits)
            except CorruptFileError:
                raise
            except Exception as error:  # third-party decoders raise many kinds
                raise CorruptFileError(f"a picture cannot be decoded ({type(error).__name__})") from error
            if picture_JI.shape != shape_NJI[1:] or picture_JI.dtype not in (np.uint8, np.uint16):
                raise CorruptFileError(f"a picture has shape {picture_JI.shape}, not {shape_NJI[1:]}")
            return picture_JI.astype(np.uint16, copy=False)

        return np.stack(in_threads(decode, coded, threads))


def in_threads(function: Callable[[_In], _Out], items: list[_In], threads: int) -> list[_Out]:
    """Map a function over items in up to `threads` threads."""
    if threads <= 1 or len(items) == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        return list(pool.map(function, items))


def least_dtype(bits: int) -> np.dtype[Any]:
    """Return the smallest unsigned dtype, little endian, for values of so many bits."""
    return np.dtype("u1" if bits <= 8 else "<u2")
