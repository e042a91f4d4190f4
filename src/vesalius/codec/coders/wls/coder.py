"""wls: lossless coding by weighted least-squares prediction. Letters: N pictures, J rows, I columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.pictures import check_claim, check_pictures, least_dtype
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.wls import frozen, kernels
from vesalius.codec.coders.wls.fit import Choice, fit
from vesalius.codec.coders.wls.model import LEVELS, Model, kernel_arguments, unpack
from vesalius.errors import CorruptFileError

_TINY, _SMALL, _CLASS_PIXELS, _MOST_CLASSES = 2_000, 30_000, 25_000, 16
_RAW, _CODED = b"\0", b"\1"
_WHY = {1: "ends early", 2: "has a value out of its range", 3: "does not end where its pictures do"}


class Wls(Coder):
    """Weighted least-squares prediction over pictures and time, scale contexts, rANS.

    The encoder fits predictors to the chunk and writes them into it; the decoder uses integers only. A chunk that would
    not become smaller is stored.
    """

    name = "wls"
    id = 16
    temporal = True
    stacks = True
    lossless_bits = 16

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        """Code pictures; the bytes do not depend on `threads`."""
        if quality is not None:
            raise ValueError("wls is lossless only")
        x_NJI = check_pictures(x_NJI, bits, self.lossless_bits)
        best = b""
        for choice in choices(x_NJI) if x_NJI.any() else []:
            coded = _CODED + encode_with(x_NJI, bits, fit(x_NJI, choice, threads))
            best = min(best or coded, coded, key=len)
        if best and len(best) <= x_NJI.size * least_dtype(bits).itemsize:
            return best
        return _RAW + x_NJI.astype(least_dtype(bits)).tobytes()

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        check_claim(shape_NJI, bits, self.lossless_bits)
        if data[:1] == _RAW:
            values = np.frombuffer(data, np.uint8, offset=1)
            if values.size != int(np.prod(shape_NJI)) * least_dtype(bits).itemsize:
                raise CorruptFileError("a stored chunk has another length than its pictures")
            return values.view(least_dtype(bits)).reshape(shape_NJI).astype(np.uint16)
        if data[:1] != _CODED:
            raise CorruptFileError("a chunk does not begin as wls chunks do")
        model, state, words = unpack(data[1:], shape_NJI)
        out_NJI = np.zeros(shape_NJI, np.uint16)  # masked pixels stay
        failure = kernels.decode(words, state, shape_NJI, *_arguments(model, shape_NJI, bits), out_NJI)
        if failure:
            raise CorruptFileError(f"a chunk {_WHY[failure]}")
        return out_NJI


def choices(x_NJI: NDArray[np.uint16]) -> list[Choice]:
    """Return the choices to try, by the number of pixels."""
    live = int(x_NJI.any(axis=0).sum()) * len(x_NJI)
    if live < _TINY:
        return [Choice((6, 5, 1), 1), Choice((2, 1, 0), 1)]
    if live < _SMALL:
        return [Choice((20, 21, 9), 1), Choice((6, 9, 1), 1)]
    return [Choice((32, 37, 9), max(1, min(_MOST_CLASSES, live // _CLASS_PIXELS)))]


def encode_with(x_NJI: NDArray[np.uint16], bits: int, model: Model) -> bytes:
    """Return the stream of a model; integers only, the same on every machine."""
    arguments = _arguments(model, x_NJI.shape, bits)
    live = x_NJI[0].size if model.mask_JI is None else int((~model.mask_JI).sum())
    words, state = kernels.encode(x_NJI, *arguments, live * len(x_NJI))
    return model.pack(int(state), words)


def _arguments(model: Model, shape_NJI: tuple[int, ...], bits: int) -> tuple[Any, ...]:
    """Return the arguments from `top` to `rates` of the kernels."""
    _, rows, columns = shape_NJI
    mask_JI = np.zeros((rows, columns), np.uint8) if model.mask_JI is None else model.mask_JI.astype(np.uint8)
    spans = np.zeros((rows, 2), np.int64)
    for j, live_I in enumerate(mask_JI == 0):
        places = np.flatnonzero(live_I)
        if len(places):
            spans[j] = places[0], places[-1] + 1
    first = (*frozen.SCALE_FIRST, *[0] * (len(frozen.SCALE) - len(frozen.SCALE_FIRST)))
    scales = np.array([first, *[frozen.SCALE] * (LEVELS - 1)], np.int32)
    places = np.array(frozen.SCALE_PLACES, np.int64)
    rates = (frozen.INCREMENT, frozen.MOST_SEEN, frozen.MIDDLE, frozen.FINE, frozen.CONTEXTS)
    head = (model.top, bits, *kernel_arguments(model), model.block_log2, model.shift, spans, mask_JI)
    return (*head, places, scales, frozen.context_table(), frozen.prior().copy(), rates)
