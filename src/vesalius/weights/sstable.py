"""The sorted string table of LevelDB, in which TensorFlow keeps the index of a checkpoint.

A file is data blocks, a block of meta data, an index block (last key of a data block -> its place), and a footer of 48
bytes. A block is entries (a key shares its beginning with the one before), the offsets at which entries share nothing,
their number, then one byte that names the compression, and the masked CRC-32C.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vesalius.weights.crc32c import crc32c, masked

_FOOTER, _MAGIC = 48, 0xDB4775248B80FB57
_TRAILER = 5
_PLAIN, _SNAPPY = 0, 1
_MOST_BLOCK = 1 << 26
"""Bytes of a block after decompression; TensorFlow cuts blocks at 256 KiB."""


def read_table(data: bytes) -> dict[bytes, bytes]:
    """Return keys and values of a whole table.

    Raises:
        ValueError: damaged, or another kind of file; the message is a reason for users.
    """
    if len(data) < _FOOTER or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise ValueError("it does not end as an index does")
    footer = data[-_FOOTER:]
    _, position = _handle(footer, 0)
    index, _ = _handle(footer, position)
    entries: dict[bytes, bytes] = {}
    for _, place in _entries(_block(data, index)):
        handle, _ = _handle(place, 0)
        for key, value in _entries(_block(data, handle)):
            if key in entries:
                raise ValueError("a key occurs twice")
            entries[key] = value
    return entries


def varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, in groups of 7 bits (LEB128, 64 bits at most), and where it ends.

    Raises:
        ValueError: the bytes end before it, or it is too long.

    Example:
        >>> varint(bytes([0xAC, 0x02]), 0)
        (300, 2)
    """
    value = 0
    for count, byte in enumerate(data[position : position + 10]):
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            if value >> 64:
                break
            return value, position + count + 1
    raise ValueError("a number is cut short or too long")


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Return offset and size of a block, and where they end."""
    offset, position = varint(data, position)
    size, position = varint(data, position)
    return (offset, size), position


def _block(data: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    if offset + size + _TRAILER > len(data) - _FOOTER:
        raise ValueError("a block lies outside the file")
    stored, kind = data[offset : offset + size], data[offset + size]
    (checksum,) = struct.unpack_from("<I", data, offset + size + 1)
    if masked(crc32c(data[offset : offset + size + 1])) != checksum:
        raise ValueError("a block of the index has another checksum")
    if kind == _PLAIN:
        return stored
    if kind != _SNAPPY:
        raise ValueError(f"a block is compressed in an unknown way ({kind})")
    from imagecodecs import snappy_decode

    length, _ = varint(stored, 0)
    if length > _MOST_BLOCK:
        raise ValueError(f"a block of {length} bytes is too large")
    try:
        block = bytes(snappy_decode(stored, out=length))
    except Exception as error:  # its errors are of many kinds
        raise ValueError("a block cannot be decompressed") from error
    if len(block) != length:
        raise ValueError("a block has another length than it states")
    return block


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise ValueError("a block is cut short")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ValueError("a block is cut short")
    key, position = b"", 0
    while position < end:
        shared, position = varint(block, position)
        fresh, position = varint(block, position)
        size, position = varint(block, position)
        if shared > len(key) or position + fresh + size > end:
            raise ValueError("an entry of the index is damaged")
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + size]
        position += size
