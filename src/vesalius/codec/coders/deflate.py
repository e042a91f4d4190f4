import zlib

import numpy as np

from vesalius.errors import CorruptFileError


class Deflate:
    name = "deflate"
    id = 1
    version = 1
    temporal = False
    lossless_bits = 16
    lossy_bits = 0
    exact_lossy = True
    qualities = ()

    def encode(self, x, bits, quality, threads):
        return zlib.compress(x.astype("<u2").tobytes())

    def decode(self, data, shape, bits, threads):
        try:
            return np.frombuffer(zlib.decompress(data), "<u2").reshape(shape)
        except Exception as e:
            raise CorruptFileError("x") from e
