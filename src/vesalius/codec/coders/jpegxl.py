import struct

import imagecodecs
import numpy as np

from vesalius.errors import CorruptFileError


class JpegXl:
    name = "jpegxl"
    id = 4
    version = 1
    temporal = False
    lossless_bits = 16
    lossy_bits = 16
    exact_lossy = False
    qualities = tuple(0.05 * 1.15**n for n in range(44))

    def encode(self, x, bits, quality, threads):
        p = [
            imagecodecs.jpegxl_encode(
                f.astype(np.uint16),
                effort=3,
                **({"lossless": True} if quality is None else {"distance": quality, "lossless": False}),
                numthreads=1,
            )
            for f in x
        ]
        return b"".join(struct.pack("<I", len(q)) + q for q in p)

    def decode(self, data, shape, bits, threads):
        out = []
        pos = 0
        try:
            for _ in range(shape[0]):
                (n,) = struct.unpack_from("<I", data, pos)
                out.append(imagecodecs.jpegxl_decode(data[pos + 4 : pos + 4 + n], numthreads=1).reshape(shape[1:]))
                pos += 4 + n
        except Exception as e:
            raise CorruptFileError("x") from e
        return np.stack(out).astype(np.uint16)
