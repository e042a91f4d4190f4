"""The coders of section 5 of docs/vsl-format.md, for the second decoder: bytes to pictures (N, J, I)."""

import struct
import zlib

import av
import imagecodecs
import numpy as np

from codec.second_wls import wls

LOSSY_BITS = {2: 12, 3: 16, 4: 16, 5: 12, 6: 10}


def decode_pictures(coder, data, shape_NJI, depth):
    """The pictures of one coded sequence, as integers."""
    decoders = {1: deflate, 2: jpegls, 3: jpeg2000, 4: jpegxl, 5: x265, 6: svtav1, 16: wls}
    pictures = decoders[coder](data, shape_NJI, depth)
    assert pictures.shape == shape_NJI
    return pictures.astype(np.int64)


def parts(data):
    out, place = [], 0
    while place < len(data):
        length = shift = 0
        while True:
            byte = data[place]
            place += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        out.append(data[place : place + length])
        place += length
    assert place == len(data)
    return out


def deflate(data, shape, depth):
    raw = np.frombuffer(zlib.decompress(data), np.uint8).astype(np.int64)
    size = shape[0] * shape[1] * shape[2]
    folded = raw[:size] + (raw[size:] << 8 if depth > 8 else 0)
    steps = np.where(folded % 2 == 0, folded // 2, -(folded + 1) // 2)
    return np.cumsum(steps.reshape(shape), axis=2) % (1 << (16 if depth > 8 else 8))


def jpegls(data, shape, depth):
    start = bytes.fromhex("ffd8fff7000b") + struct.pack(">BHH", max(depth, 2), shape[1], shape[2]) + b"\1\1\x11\0"
    assert struct.unpack("<I", data[:4])[0] == zlib.crc32(data[4:])
    pictures = []
    for part in parts(data[4:]):
        if part[0] == 0:
            picture = np.frombuffer(part[1:], "u1" if depth <= 8 else "<u2").reshape(shape[1:])
        else:
            picture = imagecodecs.jpegls_decode(start + part)
        pictures.append(picture)
    return np.stack(pictures)


def jpeg2000(data, shape, depth):
    rows, columns = shape[1:]
    start = bytes.fromhex("ff4fff5100290000") + struct.pack(">8I", columns, rows, 0, 0, columns, rows, 0, 0)
    start += b"\0\1" + bytes([depth - 1]) + b"\1\1"
    return np.stack([imagecodecs.jpeg2k_decode(start + part) for part in parts(data)])


def jpegxl(data, shape, depth):
    return np.stack([imagecodecs.jpegxl_decode(part).reshape(shape[1:]) for part in parts(data)])


def x265(data, shape, depth):
    context = av.CodecContext.create("hevc", "r")
    stream = b"".join(b"\0\0\0\1" + part for part in parts(data[1:]))
    packets = context.parse(stream) + context.parse(None)
    return lowered(frames(context, packets), shape, data[0], depth)


def svtav1(data, shape, depth):
    """All units in one packet: the decoder finds the frames in it."""
    context = av.CodecContext.create("libdav1d", "r")
    return lowered(frames(context, [av.Packet(b"\x12\0" + data)]), shape, 10 - depth, depth)


def frames(context, packets):
    shown = [frame for packet in [*packets, None] for frame in context.decode(packet)]
    return np.stack([luma(frame) for frame in shown])


def luma(frame):
    plane = frame.planes[0]
    kind = np.dtype("u1" if frame.format.components[0].bits <= 8 else "<u2")
    rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
    return rows[: frame.height, : frame.width].astype(np.int64)


def lowered(pictures, shape, shift, depth):
    cut = pictures[:, : shape[1], : shape[2]]
    if shift:
        cut = np.minimum((cut + (1 << (shift - 1))) >> shift, (1 << depth) - 1)
    return cut
