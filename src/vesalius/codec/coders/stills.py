"""Still coders on a sequence: N pictures, each coded on its own.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders import parts
from vesalius.errors import CorruptFileError

Here = TypeVar("Here")
There = TypeVar("There")


def encode_each(x_NJI: NDArray[np.uint16], encode_one: Callable[[NDArray[np.uint16]], bytes], threads: int) -> bytes:
    """Code each picture (J, I); the parts stand in order, each behind its length."""
    return parts.join(_map(encode_one, list(x_NJI), threads))


def decode_each(
    data: bytes, shape_NJI: tuple[int, int, int], decode_one: Callable[[bytes], NDArray[Any]], threads: int
) -> NDArray[np.uint16]:
    """The pictures that `encode_each` coded, shape (N, J, I).

    `decode_one` gives one picture and may raise anything on damaged bytes.

    Raises:
        CorruptFileError: the lengths are wrong, or a picture cannot be decoded or has another shape.
    """
    count = shape_NJI[0]
    coded = parts.split(data, most=count)
    if len(coded) != count:
        raise CorruptFileError(f"a chunk holds {len(coded)} pictures, not {count}")

    def decode(part: bytes) -> NDArray[np.uint16]:
        try:
            picture_JI = decode_one(part)
        except CorruptFileError:
            raise
        except Exception as error:  # third-party decoders raise many kinds
            raise CorruptFileError(f"a picture cannot be decoded ({type(error).__name__})") from error
        if picture_JI.shape != shape_NJI[1:] or picture_JI.dtype not in (np.uint8, np.uint16):
            raise CorruptFileError(f"a picture has shape {picture_JI.shape}, not {shape_NJI[1:]}")
        return picture_JI.astype(np.uint16, copy=False)

    return np.stack(_map(decode, coded, threads))


def _map(function: Callable[[Here], There], items: list[Here], threads: int) -> list[There]:
    if threads <= 1 or len(items) == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        return list(pool.map(function, items))
