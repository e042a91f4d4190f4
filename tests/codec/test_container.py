import hashlib
import io
import json
import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from codec.scans import attempt, refused
from vesalius.codec import container
from vesalius.codec.container import BLOB, CHUNK, VslReader, VslWriter, size_of
from vesalius.errors import CorruptFileError, UsageError

HEADER = {"shape": [1, 2], "words": "é", "number": 0.1}
TAIL = {"tiers": [{"note": "n"}]}
BLOBS = [b"kept word for word" * 9, b""]
CHUNKS = [(0, 1, 0, b"first"), (0, 1, 1, b"second" * 50), (1, 4, 0, b"vslc"), (1, 4, 1, b"")]


def written(path, header=HEADER, tail=TAIL, chunks=CHUNKS):
    with path.open("wb") as file:
        writer = VslWriter(file, header)
        for number, blob in enumerate(BLOBS):
            writer.blob(number, blob)
        for tier, coder, index, payload in chunks:
            writer.chunk(tier, coder, index, payload)
        size = writer.close(tail)
    assert size == path.stat().st_size
    return path


@pytest.fixture
def file(tmp_path):
    return written(tmp_path / "a.vsl")


def read_all(path, **options):
    with VslReader(path, **options) as reader:
        blobs = [reader.blob(n, len(blob)) for n, blob in enumerate(BLOBS)]
        chunks = {
            (tier, index): (frame.coder, reader.payload(frame))
            for tier in range(256)
            for index, frame in reader.chunks(tier).items()
        }
        return reader.header, reader.tail, blobs, chunks


def test_what_was_written_is_read(file):
    header, tail, blobs, chunks = read_all(file)
    assert header == HEADER
    assert tail["tiers"] == TAIL["tiers"]
    assert blobs == BLOBS
    assert chunks == {(tier, index): (coder, payload) for tier, coder, index, payload in CHUNKS}
    with VslReader(file) as reader:
        reader.check_whole()


def test_size_is_known_before(file):
    with VslReader(file) as reader:
        payloads = [frame.length for frame in reader.frames]
    assert size_of(HEADER, TAIL, payloads) == file.stat().st_size


def pieces(data):
    """The parts of a file by the page on the format: header bytes, frames as tuples, tail bytes."""
    magic, major, minor, length, crc = struct.unpack_from("<8sHHII", data)
    assert (magic, major, minor) == (bytes.fromhex("8956534c0d0a1a0a"), 1, 0)
    header = data[20 : 20 + length]
    assert zlib.crc32(header) == crc
    offset, tail_length, tail_crc, digest, end = struct.unpack("<QII32s8s", data[-56:])
    assert end == bytes.fromhex("76736c450d0a1a0a")
    assert offset + tail_length + 56 == len(data)
    tail = data[offset : offset + tail_length]
    assert zlib.crc32(tail) == tail_crc
    assert hashlib.sha256(data[:-40]).digest() == digest
    frames, place = [], 20 + length
    while place < offset:
        marker, kind, tier, coder, zero, index, size, crc = struct.unpack_from("<4sBBBBIII", data, place)
        payload = data[place + 20 : place + 20 + size]
        assert (marker, zero) == (b"vslc", 0)
        assert zlib.crc32(data[place : place + 16] + payload) == crc
        frames.append((kind, tier, coder, index, payload))
        place += 20 + size
    assert place == offset
    return zlib.decompress(header), frames, zlib.decompress(tail)


def test_the_bytes_are_as_the_format_says(file):
    header, frames, tail = pieces(file.read_bytes())
    assert json.loads(header) == HEADER
    assert json.loads(tail) == {**TAIL, "lengths": [len(frame[4]) for frame in frames]}
    assert [(kind, index, zlib.decompress(data)) for kind, _, _, index, data in frames[:2]] == [
        (BLOB, 0, BLOBS[0]),
        (BLOB, 1, BLOBS[1]),
    ]
    assert [frame[1:] for frame in frames[2:]] == CHUNKS
    assert all(frame[0] == CHUNK for frame in frames[2:])


def flips(data):
    """Every byte changed: all its bits, or one of them."""
    for place in range(len(data)):
        pattern = 0xFF if place % 2 else 1 << (place // 2 % 8)
        yield place, data[:place] + bytes([data[place] ^ pattern]) + data[place + 1 :]


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
    for length in range(len(data)):
        file.write_bytes(data[:length])
        with pytest.raises(CorruptFileError) as caught:
            VslReader(file)
        assert "\n" not in str(caught.value)
    file.write_bytes(data + b"\0")
    with pytest.raises(CorruptFileError):
        VslReader(file)


def test_salvage_takes_no_frame_that_was_changed(file):
    """Each frame that salvage finds in a damaged file stands in its place with its own bytes."""
    *_, good = read_all(file)
    data = file.read_bytes()
    start = 20 + struct.unpack_from("<I", data, 12)[0]
    end = struct.unpack_from("<Q", data, len(data) - 56)[0]
    for place, damaged in flips(data):
        if not start <= place < end:
            continue
        file.write_bytes(damaged)
        with VslReader(file, salvage=True) as reader:
            found = {(t, i): (f.coder, reader.payload(f)) for t in range(256) for i, f in reader.chunks(t).items()}
        assert found.items() <= good.items()
        assert len(found) >= len(good) - 1


def test_salvage_of_a_file_cut_short_keeps_what_is_before(file):
    data = file.read_bytes()
    start = 20 + struct.unpack_from("<I", data, 12)[0]
    ends, place = [], start
    for payload in [zlib.compress(blob, 9) for blob in BLOBS] + [chunk[3] for chunk in CHUNKS]:
        place += 20 + len(payload)
        ends.append(place)
    for length in range(start, len(data)):
        file.write_bytes(data[:length])
        with VslReader(file, salvage=True) as reader:
            assert len(reader.frames) == sum(end <= length for end in ends)
            assert reader.tail == {}


def test_salvage_finds_frames_after_a_hole(file):
    data = bytearray(file.read_bytes())
    with VslReader(file) as reader:
        second = reader.chunks(0)[1]
    data[second.offset - 20 : second.offset + 100] = bytes(120)
    file.write_bytes(data)
    with VslReader(file, salvage=True) as reader:
        assert [len(reader.chunks(tier)) for tier in (0, 1)] == [1, 2]


def test_salvage_across_blocks(tmp_path, monkeypatch):
    payloads = [bytes([n]) * (1 << 18) for n in range(9)]
    path = written(tmp_path / "long.vsl", chunks=[(0, 1, n, payload) for n, payload in enumerate(payloads)])
    data = bytearray(path.read_bytes())
    with VslReader(path) as reader:
        data[reader.chunks(0)[0].offset - 20] ^= 1
    path.write_bytes(data)
    with VslReader(path, salvage=True) as reader:
        assert sorted(reader.chunks(0)) == list(range(1, 9))


@pytest.mark.parametrize("version", [0, 2, 65535])
def test_other_versions_are_refused(file, version):
    data = bytearray(file.read_bytes())
    data[8:10] = struct.pack("<H", version)
    file.write_bytes(data)
    with pytest.raises(CorruptFileError, match=f"is version {version}.*update vesalius"):
        VslReader(file)


@pytest.mark.parametrize("content", [b"", b"\x89VSL", b"nii" * 100, bytes(400)])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x.vsl").write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"is not a \.vsl file"):
        VslReader(tmp_path / "x.vsl")


def test_absent_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "no.vsl"):
        with pytest.raises(CorruptFileError, match="cannot be opened"):
            VslReader(path)


def assemble(header=None, frames=b"", lengths=(), *, tail=None, offset=None, tail_length=None, header_length=None):
    """A file with right checksums and wrong facts."""
    head = zlib.compress(json.dumps(HEADER).encode()) if header is None else header
    size = len(head) if header_length is None else header_length
    data = struct.pack("<8sHHII", container.MAGIC, 1, 0, size, zlib.crc32(head)) + head + frames
    packed = zlib.compress(json.dumps({**TAIL, "lengths": list(lengths)}).encode()) if tail is None else tail
    place, length = len(data) if offset is None else offset, len(packed) if tail_length is None else tail_length
    data += packed + struct.pack("<QII", place, length, zlib.crc32(packed))
    return data + hashlib.sha256(data).digest() + container.END_MAGIC


def frame_bytes(kind, tier, coder, index, payload, *, length=None, marker=b"vslc", flags=0):
    head = struct.pack("<4sBBBBII", marker, kind, tier, coder, flags, index, len(payload) if length is None else length)
    return head + struct.pack("<I", zlib.crc32(head + payload)) + payload


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
    "lengths as floats": assemble(frames=ONE, lengths=[3.0]),
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


def test_the_builder_of_hostile_files_can_make_a_good_one(tmp_path):
    path = tmp_path / "good.vsl"
    path.write_bytes(assemble(frames=ONE + TWO, lengths=[3, 3]))
    with VslReader(path) as reader:
        reader.check_whole()
        assert [reader.payload(frame) for frame in reader.chunks(0).values()] == [b"abc", b"abc"]


@pytest.mark.parametrize(
    ("payload", "length"),
    [
        (BOMB, 5),
        (zlib.compress(b"abcd"), 5),
        (zlib.compress(b"abcdef"), 5),
        (b"no zlib", 5),
        (zlib.compress(b"abcde")[:-2], 5),
    ],
)
def test_attachments_of_another_length_are_refused(tmp_path, payload, length):
    path = tmp_path / "blob.vsl"
    path.write_bytes(assemble(frames=frame_bytes(0, 0, 0, 0, payload), lengths=[len(payload)]))
    with VslReader(path) as reader:
        with pytest.raises(CorruptFileError, match="attachment 0"):
            reader.blob(0, length)
        with pytest.raises(CorruptFileError, match="attachment 1 is missing"):
            reader.blob(1, length)


def test_salvage_gives_up_on_a_file_of_markers(tmp_path):
    path = tmp_path / "markers.vsl"
    one = struct.pack("<4sBBBBIII", b"vslc", 1, 0, 1, 0, 0, 100_000, 0)
    path.write_bytes(assemble(frames=one * 20_000))
    with pytest.raises(CorruptFileError, match="too damaged"):
        VslReader(path, salvage=True)


def test_the_writer_keeps_the_limits(monkeypatch):
    monkeypatch.setattr(container, "_MAX_FRAME", 10)
    writer = VslWriter(io.BytesIO(), HEADER)
    with pytest.raises(UsageError, match="--access frame"):
        writer.chunk(0, 1, 0, bytes(10))
    monkeypatch.setattr(container, "_MAX_JSON", 10)
    with pytest.raises(UsageError, match="the format holds"):
        VslWriter(io.BytesIO(), HEADER)


def mutate(data, draw):
    """A random damage: bytes changed, cut out, put in or copied elsewhere."""
    data = bytearray(data)
    for _ in range(int(draw.integers(1, 4))):
        place, length = int(draw.integers(0, len(data))), int(draw.integers(1, 40))
        kind = int(draw.integers(0, 5))
        if kind == 0:
            data[place] ^= 1 << int(draw.integers(0, 8))
        elif kind == 1:
            data[place : place + length] = draw.bytes(len(data[place : place + length]))
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            data[place:place] = draw.bytes(length)
        else:
            source = int(draw.integers(0, len(data)))
            data[place : place + length] = data[source : source + length]
        if not data:
            return b""
    return bytes(data)


def _mutations(file, count, seed):
    good, data, draw = read_all(file), file.read_bytes(), np.random.default_rng(seed)
    for _ in range(count):
        file.write_bytes(mutate(data, draw))
        for salvage in (False, True):
            seen = attempt(lambda salvage=salvage: read_all(file, salvage=salvage))
            if refused(seen, file):
                continue
            if salvage:
                assert seen[3].items() <= good[3].items()
            else:
                assert seen == good


def test_mutated_files(file):
    _mutations(file, 400, 0)


@pytest.mark.slow
def test_many_mutated_files(file):
    _mutations(file, 20_000, 1)


RUN = """
import sys
from pathlib import Path
from vesalius.codec.decode import open_vsl
from vesalius.errors import CorruptFileError
for salvage in (False, True):
    try:
        open_vsl(Path(sys.argv[1]), salvage=salvage)
    except CorruptFileError as error:
        print("refused", len(str(error).splitlines()))
"""


@pytest.mark.parametrize(
    "kind", [b"0,", pytest.param(b'"",', marks=pytest.mark.slow), pytest.param(b"1e9,", marks=pytest.mark.slow)]
)
def test_memory_stays_bounded(tmp_path, kind):
    """The largest JSON that is let through is refused within 2 GiB of address space."""
    text = b'{"a": [' + kind * ((container._MAX_JSON - 20) // len(kind)) + b"0]}"
    path = tmp_path / "fat.vsl"
    path.write_bytes(assemble(header=zlib.compress(text), tail=zlib.compress(text)))
    limit = 2 << 30
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(p for p in sys.path if p)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.stdout.split() == ["refused", "1"] * 2, done.stderr
