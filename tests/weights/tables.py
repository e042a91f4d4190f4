"""Write sorted string tables as LevelDB's documentation describes them, to be read back."""

import struct

from imagecodecs import snappy_encode

from vesalius.weights.crc32c import crc32c, masked

PLAIN, SNAPPY = 0, 1


def varint(number: int) -> bytes:
    groups = []
    while True:
        groups.append(number & 127)
        number >>= 7
        if not number:
            return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def block(entries: dict[bytes, bytes], every: int = 3) -> bytes:
    """Entries that share beginnings, but every third shares nothing."""
    data, before, restarts = b"", b"", []
    for number, (key, value) in enumerate(sorted(entries.items())):
        shared = 0
        if number % every == 0:
            restarts.append(len(data))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    restarts = restarts or [0]
    return data + struct.pack(f"<{len(restarts)}I", *restarts) + struct.pack("<I", len(restarts))


def stored(contents: bytes, kind: int) -> bytes:
    body = (snappy_encode(contents) if kind == SNAPPY else contents) + bytes([kind])
    return body + struct.pack("<I", masked(crc32c(body)))


def table(entries: dict[bytes, bytes], per_block: int = 4, kind: int = SNAPPY) -> bytes:
    data, index, keys = b"", {}, sorted(entries)
    for first in range(0, len(keys), per_block):
        chosen = keys[first : first + per_block]
        piece = stored(block({key: entries[key] for key in chosen}), kind)
        index[chosen[-1]] = varint(len(data)) + varint(len(piece) - 5)
        data += piece
    meta, places = stored(block({}), PLAIN), stored(block(index), kind)
    handles = varint(len(data)) + varint(len(meta) - 5) + varint(len(data) + len(meta)) + varint(len(places) - 5)
    return data + meta + places + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
