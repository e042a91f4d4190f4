"""The coders of section 5 of docs/vsl-format.md, for the second decoder: bytes to pictures (N, J, I)."""

import zlib

import numpy as np

LOSSY_BITS = {3: 16, 4: 16, 5: 12, 6: 10}


def decode_pictures(coder, data, shape_NJI, bits, *, lossy):
    return {1: deflate, 4: jpegxl}[coder](data, shape_NJI, bits, lossy)


def deflate(data, shape, bits, lossy):
    return np.frombuffer(zlib.decompress(data), "<u2").reshape(shape)


def jpegxl(data, shape, bits, lossy):
    import struct

    import imagecodecs

    out, place = [], 0
    for _ in range(shape[0]):
        (n,) = struct.unpack_from("<I", data, place)
        out.append(imagecodecs.jpegxl_decode(data[place + 4 : place + 4 + n]).reshape(shape[1:]))
        place += 4 + n
    return np.stack(out)
