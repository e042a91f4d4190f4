"""AV1 through SVT-AV1: pictures over time, lossy, 10 bits; decoded by dav1d.

Letters: N pictures, J rows, I columns.
"""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import NDArray

from vesalius.codec.coders import obu
from vesalius.codec.coders.pictures import check_claim, check_pictures
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.video import VideoFormat, decode_frames, encode_frames, lower

os.environ.setdefault("SVT_LOG", "0")  # errors only: the library has no other way to be quiet

_FORMAT = VideoFormat("yuv420p10le", 10, (64, 64))
_PRESET = 3
_PARAMETERS = {"tune": "1", "keyint": "-1", "scd": "0", "enable-cdef": "0", "film-grain": "0"}


class SvtAv1(Coder):
    """AV1 main profile, 4:2:0 with grey chroma: one stream per chunk with one key frame.

    Quality is the constant rate factor (crf). Any depth is lifted to 10 bits by a shift. A chunk is the stream's units
    (OBUs) one behind the other, less the temporal delimiters.
    """

    name = "svtav1"
    id = 6
    temporal = True
    lossy_bits = _FORMAT.bits
    exact_lossy = True
    qualities: tuple[float, ...] = tuple(float(crf) for crf in range(1, 64))

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        if quality is None:
            raise ValueError("svtav1 is lossy only")
        x_NJI = check_pictures(x_NJI, bits, self.lossy_bits)
        parameters = {**_PARAMETERS, "lp": str(max(1, threads))}
        options = {
            "preset": str(_PRESET),
            "crf": str(int(quality)),
            "svtav1-params": ":".join(f"{key}={value}" for key, value in parameters.items()),
        }
        return obu.strip(encode_frames("libsvtav1", _FORMAT, x_NJI, _FORMAT.bits - bits, options))

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        check_claim(shape_NJI, bits, self.lossy_bits)
        units = obu.temporal_units(data, shape_NJI[0])
        x_NJI = decode_frames("libdav1d", units, _FORMAT, shape_NJI)
        return lower(x_NJI, _FORMAT.bits - bits, bits)
