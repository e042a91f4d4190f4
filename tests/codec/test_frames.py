"""Files of version 1, which are no longer written, are read for ever: their bytes are put together here."""

import hashlib
import json
import struct
import zlib

import pytest

from codec.scans import attempt, refused
from codec.test_container import flips
from vesalius.codec.container import VslReader
from vesalius.errors import CorruptFileError

HEADER = {"shape": [1, 2], "words": "é", "number": 0.1}
TAIL = {"tiers": [{"note": "n"}]}
BLOBS = [b"kept word for word" * 9, b""]
CHUNKS = [(0, 1, 0, b"first"), (0, 1, 1, b"second" * 50), (1, 4, 0, b"vslc"), (1, 4, 1, b"")]


def assemble(header=None, frames=b"", lengths=(), *, tail=None, offset=None, tail_length=None, header_length=None):
    """A file with right checksums and wrong facts."""
    head = zlib.compress(json.dumps(HEADER).encode()) if header is None else header
    size = len(head) if header_length is None else header_length
    data = struct.pack("<8sHHII", b"\x89VSL\r\n\x1a\n", 1, 0, size, zlib.crc32(head)) + head + frames
    packed = zlib.compress(json.dumps({**TAIL, "lengths": list(lengths)}).encode()) if tail is None else tail
    place, length = len(data) if offset is None else offset, len(packed) if tail_length is None else tail_length
    data += packed + struct.pack("<QII", place, length, zlib.crc32(packed))
    return data + hashlib.sha256(data).digest() + b"vslE\r\n\x1a\n"


def frame_bytes(kind, tier, coder, index, payload, *, length=None, marker=b"vslc", flags=0):
    head = struct.pack("<4sBBBBII", marker, kind, tier, coder, flags, index, len(payload) if length is None else length)
    return head + struct.pack("<I", zlib.crc32(head + payload)) + payload


@pytest.fixture
def file(tmp_path):
    frames = [frame_bytes(0, 0, 0, number, zlib.compress(blob)) for number, blob in enumerate(BLOBS)]
    frames += [frame_bytes(1, *chunk) for chunk in CHUNKS]
    path = tmp_path / "one.vsl"
    path.write_bytes(assemble(frames=b"".join(frames), lengths=[len(frame) - 20 for frame in frames]))
    return path


def read_all(path, **options):
    with VslReader(path, **options) as reader:
        blobs = [reader.blob(n, len(blob)) for n, blob in enumerate(BLOBS)]
        chunks = {
            (tier, index): (frame.coder, reader.payload(frame))
            for tier in range(256)
            for index, frame in reader.chunks(tier).items()
        }
        return reader.header, reader.tail.get("tiers"), blobs, chunks


def test_a_file_is_read(file):
    chunks = {(tier, index): (coder, payload) for tier, coder, index, payload in CHUNKS}
    assert read_all(file) == (HEADER, TAIL["tiers"], BLOBS, chunks)
    assert read_all(file, salvage=True) == (HEADER, None, BLOBS, chunks)
    with VslReader(file) as reader:
        reader.check_whole()


def test_every_flipped_byte_is_found_or_means_nothing(file):
    good, data = read_all(file), file.read_bytes()
    silent = set()
    for place, damaged in flips(data):
        file.write_bytes(damaged)
        seen = attempt(lambda: read_all(file))
        if refused(seen, file):
            continue
        assert seen == good
        silent.add(place)
        if place not in (10, 11):  # the minor version
            with VslReader(file) as reader, pytest.raises(CorruptFileError, match="whole file"):
                reader.check_whole()
    assert silent == {10, 11} | set(range(len(data) - 40, len(data) - 8))


def test_every_truncation_is_found(file):
    data = file.read_bytes()
    for length in [*range(len(data)), len(data) + 1]:
        file.write_bytes((data + b"\0")[:length])
        with pytest.raises(CorruptFileError) as caught:
            VslReader(file)
        assert "\n" not in str(caught.value)


def test_salvage_finds_frames_after_a_hole(file):
    data = bytearray(file.read_bytes())
    with VslReader(file) as reader:
        second = reader.chunks(0)[1]
    data[second.offset - 20 : second.offset + 100] = bytes(120)
    file.write_bytes(data)
    with VslReader(file, salvage=True) as reader:
        assert [len(reader.chunks(tier)) for tier in (0, 1)] == [1, 2]


ONE = frame_bytes(1, 0, 1, 0, b"abc")
TWO = frame_bytes(1, 0, 1, 1, b"abc")
BOMB = zlib.compress(bytes(64 << 20), 9)
HOSTILE = {
    "header beyond the file": assemble(header_length=2**32 - 1),
    "header bomb": assemble(header=BOMB),
    "header no zlib": assemble(header=b"{}"),
    "header no json": assemble(header=zlib.compress(b"{")),
    "header no text": assemble(header=zlib.compress(b"\xff\xfe\x00")),
    "header a list": assemble(header=zlib.compress(b"[]")),
    "header of objects": assemble(header=zlib.compress(b'{"a": [' + b"{}," * (1 << 20) + b"{}]}")),
    "header deep": assemble(header=zlib.compress(b"[" * 100_000)),
    "header cut": assemble(header=zlib.compress(b'{"a": 1}')[:-3]),
    "tail before the header": assemble(offset=0),
    "tail in the header": assemble(offset=19),
    "tail beyond the end": assemble(offset=2**64 - 1),
    "tail too long": assemble(tail_length=2**32 - 1),
    "tail too short": assemble(tail_length=1),
    "tail bomb": assemble(tail=BOMB),
    "tail without lengths": assemble(tail=zlib.compress(b'{"tiers": []}')),
    "lengths of text": assemble(tail=zlib.compress(b'{"lengths": ["1"]}')),
    "lengths below zero": assemble(frames=ONE, lengths=[-17, 40]),
    "length of 2**31": assemble(frames=ONE, lengths=[2**31]),
    "length of 2**64": assemble(frames=ONE, lengths=[2**64]),
    "a frame left out": assemble(frames=ONE + TWO, lengths=[3]),
    "a frame too many": assemble(frames=ONE, lengths=[3, 3]),
    "frames overlapping": assemble(frames=frame_bytes(1, 0, 1, 0, TWO) + TWO, lengths=[3, 23]),
    "frame shorter than stated": assemble(frames=frame_bytes(1, 0, 1, 0, b"abc", length=2), lengths=[3]),
    "frame longer than stated": assemble(frames=frame_bytes(1, 0, 1, 0, b"abc", length=2**32 - 1), lengths=[3]),
    "frame of unknown kind": assemble(frames=frame_bytes(2, 0, 1, 0, b"abc"), lengths=[3]),
    "frame without marker": assemble(frames=frame_bytes(1, 0, 1, 0, b"abc", marker=b"vslx"), lengths=[3]),
    "frame with flags": assemble(frames=frame_bytes(1, 0, 1, 0, b"abc", flags=1), lengths=[3]),
    "frames twice": assemble(frames=ONE + ONE, lengths=[3, 3]),
    "frames out of order": assemble(frames=TWO + ONE, lengths=[3, 3]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(tmp_path, name):
    path = tmp_path / "hostile.vsl"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(CorruptFileError) as caught:
        VslReader(path)
    assert "\n" not in str(caught.value)
    assert caught.value.where == str(path)
