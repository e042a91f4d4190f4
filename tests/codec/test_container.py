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
from codec.second_decoder import dictionary
from vesalius.codec import container
from vesalius.codec.container import VslReader, VslWriter, size_of
from vesalius.errors import CorruptFileError, UsageError

HEADER = {"shape": [1, 2], "words": "é", "number": 0.1}
TAIL = {"tiers": [{"note": "n"}]}
BLOBS = [b"kept word for word" * 9, b""]
CHUNKS = [(0, 0, b"first"), (0, 1, b"second" * 50), (1, 0, b"\xb5V"), (1, 1, b"")]


def written(path, header=HEADER, tail=TAIL, chunks=CHUNKS):
    with path.open("wb") as file:
        writer = VslWriter(file, header)
        for number, blob in enumerate(BLOBS):
            writer.blob(number, blob)
        for tier, index, payload in chunks:
            writer.chunk(tier, index, payload)
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
            (tier, index): reader.payload(frame) for tier in range(256) for index, frame in reader.chunks(tier).items()
        }
        return reader.header, reader.tail, blobs, chunks


def test_what_was_written_is_read(file):
    header, tail, blobs, chunks = read_all(file)
    assert header == HEADER
    assert tail["tiers"] == TAIL["tiers"]
    assert blobs == BLOBS
    assert chunks == {(tier, index): payload for tier, index, payload in CHUNKS}
    with VslReader(file) as reader:
        reader.check_whole()


def test_size_is_known_before(file):
    lengths = [[len(payload) for tier, _, payload in CHUNKS if tier == number] for number in (0, 1)]
    assert size_of(HEADER, TAIL, BLOBS, lengths) == file.stat().st_size


def leb128(data, place):
    """A number of seven bits a byte, lowest first, and the place behind it."""
    number, shift = 0, 0
    while True:
        byte = data[place]
        number, shift, place = number | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return number, place


def raw_deflate(data):
    """Deflated with the dictionary of the page on the format."""
    packer = zlib.compressobj(wbits=-15, zdict=dictionary())
    return packer.compress(data) + packer.flush()


def raw_inflate(data):
    return zlib.decompressobj(wbits=-15, zdict=dictionary()).decompress(data)


def pieces(data):
    """The frames of a file by the page on the format: (low bits of the number, rest of it, payload, start, end)."""
    assert data[:10] == bytes.fromhex("8956534c0d0a1a0a") + b"\2\0"
    assert hashlib.sha256(data[:-8]).digest()[:8] == data[-8:]
    found, start = [], 10
    while start < len(data) - 8:
        assert data[start : start + 2] == b"\xb5V"
        number, place = leb128(data, start + 2)
        length, place = leb128(data, place)
        payload = data[place + 4 : place + 4 + length]
        assert data[place : place + 4] == struct.pack("<I", zlib.crc32(data[start:place] + payload))
        end = place + 4 + length
        found.append((number & 15, number >> 4, payload, start, end))
        start = end
    assert start == len(data) - 8
    return found


def test_the_bytes_are_as_the_format_says(file):
    head, blob, *chunks, tail = pieces(file.read_bytes())
    assert (head[:2], tail[:2], blob[:2]) == ((9, 0), (10, 0), (8, 0))
    assert json.loads(raw_inflate(head[2])) == HEADER
    assert json.loads(raw_inflate(tail[2])) == TAIL
    assert raw_inflate(blob[2]) == BLOBS[0]  # the empty one takes no frame
    assert [chunk[:3] for chunk in chunks] == CHUNKS


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
        with VslReader(file) as reader, pytest.raises(CorruptFileError, match="whole file"):
            reader.check_whole()
    assert silent == set(range(len(data) - 8, len(data)))


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
    head, *_, tail = pieces(data)
    start, end = head[4], tail[3]
    for place, damaged in flips(data):
        if not start <= place < end:
            continue
        file.write_bytes(damaged)
        with VslReader(file, salvage=True) as reader:
            found = {(t, i): reader.payload(f) for t in range(256) for i, f in reader.chunks(t).items()}
        assert found.items() <= good.items()
        assert len(found) >= len(good) - 1


def test_salvage_of_a_file_cut_short_keeps_what_is_before(file):
    data = file.read_bytes()
    head, *kept, _ = pieces(data)
    start, ends = head[4], [frame[4] for frame in kept]
    for length in range(start, len(data)):
        file.write_bytes(data[:length])
        with VslReader(file, salvage=True) as reader:
            assert len(reader.frames) == sum(end <= length for end in ends)
            assert reader.tail == {}


def test_salvage_finds_frames_after_a_hole(file):
    data = bytearray(file.read_bytes())
    with VslReader(file) as reader:
        second = reader.chunks(0)[1]
    data[second.offset - 9 : second.offset + 100] = bytes(109)
    file.write_bytes(data)
    with VslReader(file, salvage=True) as reader:
        assert [len(reader.chunks(tier)) for tier in (0, 1)] == [1, 2]


def test_salvage_across_blocks(tmp_path, monkeypatch):
    payloads = [bytes([n]) * (1 << 18) for n in range(9)]
    path = written(tmp_path / "long.vsl", chunks=[(0, n, payload) for n, payload in enumerate(payloads)])
    data = bytearray(path.read_bytes())
    with VslReader(path) as reader:
        data[reader.chunks(0)[0].offset - 10] ^= 1
    path.write_bytes(data)
    with VslReader(path, salvage=True) as reader:
        assert sorted(reader.chunks(0)) == list(range(1, 9))


@pytest.mark.parametrize("version", [0, 3, 65535])
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


def frame_bytes(low, number, payload, *, length=None, marker=b"\xb5V", head=None):
    """A frame with a right checksum."""
    size = len(payload) if length is None else length
    head = marker + spelled(number << 4 | low) + spelled(size) if head is None else head
    return head + struct.pack("<I", zlib.crc32(head + payload)) + payload


def spelled(number):
    """LEB128."""
    low = [number >> shift & 127 for shift in range(0, max(1, number.bit_length()), 7)]
    return bytes([byte | 128 for byte in low[:-1]] + low[-1:])


def assemble(header=None, frames=b"", tail=None, behind=b"", **facts):
    """A file with right checksums and wrong facts."""
    head = frame_bytes(9, 0, raw_deflate(json.dumps(HEADER).encode()) if header is None else header, **facts)
    last = frame_bytes(10, 0, raw_deflate(json.dumps(TAIL).encode())) if tail is None else tail
    data = container.MAGIC + b"\2\0" + head + frames + last + behind
    return data + hashlib.sha256(data).digest()[:8]


def tail_of(payload, **facts):
    return frame_bytes(10, 0, payload, **facts)


ONE, TWO = frame_bytes(0, 0, b"abc"), frame_bytes(0, 1, b"abc")
BOMB = raw_deflate(bytes(64 << 20))
HOSTILE = {
    "header beyond the file": assemble(length=2**31 - 1),
    "header too long to be": assemble(length=2**40),
    "header bomb": assemble(header=BOMB),
    "header no deflate": assemble(header=b"\xff{}"),
    "header no json": assemble(header=raw_deflate(b"{")),
    "header no text": assemble(header=raw_deflate(b"\xff\xfe\x00")),
    "header a list": assemble(header=raw_deflate(b"[]")),
    "header of objects": assemble(header=raw_deflate(b'{"a": [' + b"{}," * (1 << 20) + b"{}]}")),
    "header deep": assemble(header=raw_deflate(b"[" * 100_000)),
    "header cut": assemble(header=raw_deflate(b'{"a": 1}')[:-3]),
    "header without end": assemble(head=b"\xb5V\x09" + b"\xff" * 16),
    "header twice": assemble(frames=frame_bytes(9, 0, raw_deflate(json.dumps(HEADER).encode()))),
    "no header": container.MAGIC + b"\2\0" + ONE + tail_of(raw_deflate(b"{}")) + bytes(8),
    "no tail": assemble(frames=ONE, tail=b""),
    "tail beyond the end": assemble(tail=tail_of(b"", length=2**31 - 1)),
    "tail too long": assemble(tail=tail_of(raw_deflate(json.dumps(TAIL).encode()), length=1000)),
    "tail too short": assemble(tail=tail_of(raw_deflate(json.dumps(TAIL).encode()), length=1)),
    "tail bomb": assemble(tail=tail_of(BOMB)),
    "tail not the end": assemble(behind=ONE),
    "tail twice": assemble(behind=tail_of(raw_deflate(b"{}"))),
    "frame shorter than stated": assemble(frames=frame_bytes(0, 0, b"abc", length=2)),
    "frame longer than stated": assemble(frames=frame_bytes(0, 0, b"abc", length=2**31 - 1)),
    "frame of 2**31 bytes": assemble(frames=frame_bytes(0, 0, b"abc", length=2**31)),
    "frame of 2**64 bytes": assemble(frames=frame_bytes(0, 0, b"abc", length=2**64)),
    "frame of unknown kind": assemble(frames=frame_bytes(11, 0, b"abc")),
    "frame without marker": assemble(frames=frame_bytes(0, 0, b"abc", marker=b"\xb5W")),
    "frame with an endless number": assemble(frames=frame_bytes(0, 0, b"abc", head=b"\xb5V" + b"\x80" * 18)),
    "frames twice": assemble(frames=ONE + ONE),
    "frames out of order": assemble(frames=TWO + ONE),
    "chunk before an attachment": assemble(frames=ONE + frame_bytes(8, 0, b"abc")),
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
    path.write_bytes(assemble(frames=ONE + TWO))
    with VslReader(path) as reader:
        reader.check_whole()
        assert [reader.payload(frame) for frame in reader.chunks(0).values()] == [b"abc", b"abc"]


@pytest.mark.parametrize(
    ("payload", "length"),
    [
        (BOMB, 5),
        (raw_deflate(b"abcd"), 5),
        (raw_deflate(b"abcdef"), 5),
        (b"\xff no deflate", 5),
        (raw_deflate(b"abcde")[:-2], 5),
        (raw_deflate(b"abcde") + b"\0", 5),
    ],
)
def test_attachments_of_another_length_are_refused(tmp_path, payload, length):
    path = tmp_path / "blob.vsl"
    path.write_bytes(assemble(frames=frame_bytes(8, 0, payload)))
    with VslReader(path) as reader:
        with pytest.raises(CorruptFileError, match="attachment 0"):
            reader.blob(0, length)
        with pytest.raises(CorruptFileError, match="attachment 1 is missing"):
            reader.blob(1, length)


def test_salvage_gives_up_on_a_file_of_markers(tmp_path):
    path = tmp_path / "markers.vsl"
    one = b"\xb5V\0" + spelled(100_000) + bytes(4)
    path.write_bytes(assemble(frames=one * 40_000))
    with pytest.raises(CorruptFileError, match="too damaged"):
        VslReader(path, salvage=True)


def test_the_writer_keeps_the_limits(monkeypatch):
    writer = VslWriter(io.BytesIO(), HEADER)
    monkeypatch.setattr(container, "MAX_FRAME", 10)
    with pytest.raises(UsageError, match="--access frame"):
        writer.chunk(0, 0, bytes(10))
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
            assert seen[3].items() <= good[3].items()
            if not salvage:
                assert seen[:3] == good[:3]
            if not salvage and seen != good:  # a whole chunk was cut out: decoding misses it
                with VslReader(file) as reader, pytest.raises(CorruptFileError, match="checksum of the whole file"):
                    reader.check_whole()


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
    path.write_bytes(assemble(header=raw_deflate(text), tail=tail_of(raw_deflate(text))))
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
