import json
import resource
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vesalius
from codec.scans import Kept, attempt, decoded, noise, refused, same_bits, scan_of, smooth
from codec.test_container import mutate
from vesalius.codec import spill
from vesalius.codec.compress import compress_scan
from vesalius.codec.container import VslReader, VslWriter
from vesalius.codec.decode import VslFile, check_digest, decode_all, decode_scan, describe, open_vsl
from vesalius.codec.options import CompressConfig
from vesalius.errors import CorruptFileError, UsageError
from vesalius.scan.intensity import Intensity

STORED = smooth((2, 7, 6, 5, 4), np.int16)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A file of 28 chunks in two tiers: 7 frames in groups of 1, 4 slices; 1 attachment."""
    path = tmp_path_factory.mktemp("source") / "a.vsl"
    scan = scan_of(STORED, native=Kept({"kept": b"word for word"}))
    compress_scan(scan, path, CompressConfig(lossless=True, max_error=3, coder="deflate", access="frame", threads=1))
    return path


@pytest.fixture
def file(source, tmp_path):
    (tmp_path / "a.vsl").write_bytes(source.read_bytes())
    return tmp_path / "a.vsl"


@settings(max_examples=60, deadline=None)
@given(st.slices(7), st.slices(4))
def test_any_frames_and_slices_can_be_read(source, t, k):
    scan = decode_scan(source)
    assert same_bits(scan.stored(t, k), STORED[:, t, :, :, k])


def test_only_the_chunks_that_are_needed_are_decoded(source, monkeypatch):
    numbers = []
    decode = VslFile.decode
    monkeypatch.setattr(VslFile, "decode", lambda self, c, p: (numbers.append(c.number), decode(self, c, p))[1])
    scan = decode_scan(source)
    assert (scan.shape, scan.dtype) == (STORED.shape, STORED.dtype)
    scan.stored(slice(2, 4), slice(1, 2))
    assert sorted(numbers) == [9, 10]


def test_a_decoded_scan_knows_what_it_came_from(source):
    scan = decode_scan(source)
    assert scan.native.format == "numpy"
    assert scan.native.pack("default", None).blobs == {"kept": b"word for word"}
    with pytest.raises(UsageError, match="strip"):
        scan.native.pack("strip", None)
    assert not scan.pixels.direct
    assert scan.resident().pixels.direct


def test_a_decoded_scan_can_be_compressed_again(source, tmp_path):
    compress_scan(decode_scan(source), tmp_path / "b.vsl", CompressConfig(coder="deflate", threads=1))
    assert same_bits(decoded(tmp_path / "b.vsl"), STORED)
    assert open_vsl(tmp_path / "b.vsl").packed().blobs == {"kept": b"word for word"}


def test_tiers_are_chosen_by_name_or_number(source):
    assert same_bits(decoded(source), STORED)
    assert same_bits(decoded(source, "lossless"), STORED)
    assert same_bits(decoded(source, 0), STORED)
    lossy = decoded(source, "lossy")
    assert 0 < np.abs(lossy.astype(int) - STORED).max() <= 3
    assert same_bits(decoded(source, 1), lossy)
    with pytest.raises(UsageError, match="choose from: lossless, lossy"):
        open_vsl(source, "best")


@pytest.mark.parametrize("threads", [1, 3])
def test_the_digest_is_of_the_decoded_chunks(source, threads):
    file = open_vsl(source)
    _, loss, digest = decode_all(file, threads)
    assert digest[:16] == file.tail.tiers[0].sha256
    assert loss.chunks == ()


def _read(path, salvage=False):
    """Everything of a file: attachments, both tiers."""
    file = open_vsl(path, salvage=salvage)
    tiers = [decode_all(open_vsl(path, n, salvage=salvage), 1)[0].stored().tobytes() for n in (0, 1)]
    return file.packed().blobs, tiers


def _checked(path):
    """As a user decompresses: with the checksum of the decoded values."""
    for n in (0, 1):
        file = open_vsl(path, n)
        check_digest(file, decode_all(file, 1)[2])
    return file.packed().blobs


def test_a_flipped_byte_never_gives_other_values(file):
    data, good = file.read_bytes(), _read(file)
    draw = np.random.default_rng(5)
    for place in {*range(24), *range(len(data) - 60, len(data)), *draw.integers(0, len(data), 200).tolist()}:
        file.write_bytes(data[:place] + bytes([data[place] ^ int(draw.integers(1, 256))]) + data[place + 1 :])
        seen = attempt(lambda: _read(file))
        assert refused(seen, file) or seen == good


@pytest.mark.slow
def test_no_flipped_byte_gives_other_values(file):
    data, good = file.read_bytes(), _read(file)
    for place in range(len(data)):
        for bit in range(8):
            file.write_bytes(data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :])
            seen = attempt(lambda: _read(file))
            assert refused(seen, file) or seen == good


def _mutations(file, count, seed):
    data, good = file.read_bytes(), _read(file)
    draw = np.random.default_rng(seed)
    for _ in range(count):
        file.write_bytes(mutate(data, draw))
        seen = attempt(lambda: _read(file))
        assert refused(seen, file) or seen == good
        kept = attempt(lambda: decode_all(open_vsl(file, salvage=True), 1))
        if not refused(kept, file):
            check_salvaged(*kept[:2])


def test_mutated_files(file):
    _mutations(file, 100, 0)


@pytest.mark.slow
def test_many_mutated_files(file):
    _mutations(file, 4_000, 1)


def check_salvaged(scan, loss):
    """Intact chunks are exact, lost ones listed and filled with the smallest intact value."""
    back, mine = scan.stored(), np.ones((7, 4), dtype=bool)
    for number in loss.chunks:
        mine[number % 7, number // 7] = False
    good = STORED.transpose(1, 4, 0, 2, 3)[mine]
    assert (back.transpose(1, 4, 0, 2, 3)[mine] == good).all()
    assert (back.transpose(1, 4, 0, 2, 3)[~mine] == good.min()).all()
    assert loss.slices == tuple(sorted({number // 7 for number in loss.chunks}))
    assert len(loss.reasons) == len(loss.chunks)


def test_salvage_of_an_intact_file_is_the_whole(file):
    scan, loss, _ = decode_all(open_vsl(file, salvage=True), 1)
    assert same_bits(scan.stored(), STORED)
    assert (loss.slices, loss.chunks, loss.reasons) == ((), (), ())


def test_salvage_without_the_tail(file):
    data = file.read_bytes()
    with VslReader(file) as reader:
        end = reader.frames[-1].end
    for length in (end, len(data) - 1, len(data) - 8):
        file.write_bytes(data[:length])
        scan, loss, _ = decode_all(open_vsl(file, salvage=True), 1)
        assert same_bits(scan.stored(), STORED)
        assert loss.chunks == ()


def test_salvage_with_a_hole_in_the_middle(file):
    data = bytearray(file.read_bytes())
    with VslReader(file) as reader:
        frames = reader.chunks(0)
    start, stop = frames[9].offset - 9, frames[12].offset + 3
    data[start:stop] = bytes(stop - start)
    file.write_bytes(data)
    scan, loss, _ = decode_all(open_vsl(file, salvage=True), 1)
    assert loss.chunks == (9, 10, 11, 12)
    assert loss.slices == (1,)
    assert all(
        reason == f"chunk {n} (slice 1) of tier lossless: is missing"
        for n, reason in zip((9, 10, 11, 12), loss.reasons, strict=True)
    )
    check_salvaged(scan, loss)
    with pytest.raises(CorruptFileError, match=r"--salvage"):
        open_vsl(file)
    del data[start:stop]
    file.write_bytes(data)
    check_salvaged(*decode_all(open_vsl(file, salvage=True), 1)[:2])


def test_salvage_of_a_file_cut_anywhere(file):
    data = file.read_bytes()
    with VslReader(file) as reader:
        ends = [frame.offset + frame.length for frame in reader.chunks(0).values()]
    for length in np.linspace(ends[0], ends[-1], 25).astype(int):
        file.write_bytes(data[:length])
        scan, loss, _ = decode_all(open_vsl(file, salvage=True), 1)
        assert loss.chunks == tuple(n for n, end in enumerate(ends) if end > length)
        check_salvaged(scan, loss)
    file.write_bytes(data[: ends[0] - 1])
    with pytest.raises(CorruptFileError, match="nothing is left to salvage"):
        decode_all(open_vsl(file, salvage=True), 1)


@pytest.mark.parametrize("dtype", ["<f4", "<c8", "?", ">i8", "g"])
def test_lost_slices_of_every_kind_are_filled(tmp_path, dtype):
    stored = noise(dtype, (1, 1, 4, 3, 3))
    path = tmp_path / "a.vsl"
    compress_scan(scan_of(stored), path, CompressConfig(coder="deflate", threads=1))
    data = bytearray(path.read_bytes())
    with VslReader(path) as reader:
        data[reader.chunks(0)[1].offset] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptFileError, match=r"chunk 1 \(slice 1\) of tier lossless: .*checksum"):
        decode_all(open_vsl(path), 1)
    scan, loss, _ = decode_all(open_vsl(path, salvage=True), 1)
    assert loss.slices == (1,)
    assert same_bits(np.ascontiguousarray(scan.stored()[..., ::2]), np.ascontiguousarray(stored[..., ::2]))
    filled = scan.stored()[..., 1]
    assert (filled == filled.ravel()[0]).all()
    if dtype != "<c8":
        inside = stored[..., ::2][np.isfinite(stored[..., ::2])]
        assert filled.ravel()[0] == inside.min()


def rewritten(source, target, change, tail=lambda raw: raw, frames=lambda frames: frames):
    """A copy with right checksums and another header, tail or frames (kind, tier, index, payload)."""
    with VslReader(source) as reader:
        header, old_tail = reader.header, reader.tail
        kept = [(f.kind, f.tier, f.index, reader.payload(f)) for f in reader.frames]
    with target.open("wb") as file:
        writer = VslWriter(file, change(header))
        for frame in frames(kept):
            writer._frame(*frame)
        writer.close(tail(old_tail))
    return target


def tier_with(header, **facts):
    return {**header, "tiers": [{**header["tiers"][0], **facts}, *header["tiers"][1:]]}


HOSTILE = {
    "shape of 2**31": lambda h: {**h, "shape": [1, 7, 2**31, 1, 4]},
    "huge slices": lambda h: {**h, "shape": [1, 7, 1 << 15, 1 << 15, 4]},
    "many slices": lambda h: {**h, "shape": [2, 7, 6, 5, 2**31]},
    "one slice more": lambda h: {**h, "shape": [2, 7, 6, 5, 5]},
    "one slice less": lambda h: {**h, "shape": [2, 7, 6, 5, 3]},
    "one row more": lambda h: {**h, "shape": [2, 7, 6, 6, 4]},
    "one channel less": lambda h: {**h, "shape": [1, 7, 6, 5, 4]},
    "another depth": lambda h: tier_with(h, plane_bits=[3]),
    "another type": lambda h: {**h, "dtype": "|u1"},
    "complex": lambda h: {**h, "dtype": "<c8"},
    "frames per chunk": lambda h: tier_with(h, frames_per_chunk=2**31),
    "another coder": lambda h: tier_with(h, coder_id=4),
    "attachment number": lambda h: tier_with(h, table_blob=7, table_length=4),
    "attachment below zero": lambda h: tier_with(h, table_blob=-1, table_length=4),
    "attachment length": lambda h: {**h, "blobs": [{"name": "kept", "length": 2**29}]},
    "attachments without names": lambda h: {**h, "blobs": []},
    "three tiers": lambda h: {**h, "tiers": [*h["tiers"], h["tiers"][0]]},
    "frame times": lambda h: {**h, "frame_ms": [1.0, 2.0]},
    "frame times of 2**31": lambda h: {**h, "shape": [1, 2**31, 1, 1, 1], "frame_ms": {"start": 0.0, "step": 1.0}},
    "an sform in no header": lambda h: {**h, "geometry": {"kind": "sform"}},
    "an sform in no attachment": lambda h: {**h, "geometry": {"kind": "sform", "blob": 2**40}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_refused(source, tmp_path, name):
    path = rewritten(source, tmp_path / "b.vsl", HOSTILE[name])
    assert refused(attempt(lambda: _checked(path)), path)
    if "slices" in name or "shape" in name:
        for salvage in (False, True):
            seen = attempt(lambda salvage=salvage: decode_all(open_vsl(path, salvage=salvage), 1))
            assert refused(seen, path) or salvage


def test_the_rewriter_can_make_a_good_file(source, tmp_path):
    path = rewritten(source, tmp_path / "b.vsl", lambda header: {**header, "unknown": 1})
    assert _read(path) == _read(source)


def test_a_tail_for_other_tiers_is_refused(source, tmp_path):
    for count in (0, 1, 3):
        tail = lambda raw, count=count: {"tiers": (raw["tiers"] * 2)[:count]}  # noqa: E731
        path = rewritten(source, tmp_path / f"{count}.vsl", lambda h: h, tail)
        with pytest.raises(CorruptFileError, match="different tiers"):
            open_vsl(path)


def test_chunks_that_are_missing_are_named(source, tmp_path):
    path = rewritten(source, tmp_path / "a.vsl", lambda h: h, frames=lambda f: f[:3] + f[4:])
    with pytest.raises(CorruptFileError, match="lacks some of its chunks"):
        open_vsl(path)
    beyond = lambda f: [(k, t, n + 100 * (n == 27), p) for k, t, n, p in f]  # noqa: E731
    path = rewritten(source, tmp_path / "c.vsl", lambda h: h, frames=beyond)
    with pytest.raises(CorruptFileError, match=r"chunk 27 \(slice 3\).*missing"):
        decode_all(open_vsl(path), 1)


def test_chunks_of_another_tier_are_not_taken(tmp_path):
    """Both tiers have the same coder and as many chunks: only the frames' own numbers tell them apart."""
    compress_scan(
        scan_of(STORED), tmp_path / "a.vsl", CompressConfig(lossless=True, psnr=30, coder="jpegxl", threads=1)
    )
    swap = lambda f: [(k, t if n else 1 - t, n, p) for k, t, n, p in f]  # noqa: E731
    path = rewritten(tmp_path / "a.vsl", tmp_path / "b.vsl", lambda h: h, frames=swap)
    with pytest.raises(CorruptFileError):
        decode_all(open_vsl(path), 1)


def test_large_arrays_go_to_a_temporary_file(source, monkeypatch, tmp_path):
    monkeypatch.setattr(spill, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(spill.tempfile, "tempdir", str(tmp_path / "spill"))
    (tmp_path / "spill").mkdir()
    assert same_bits(decoded(source), STORED)
    assert list((tmp_path / "spill").iterdir()) == []
    monkeypatch.setattr(spill.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(CorruptFileError, match="needs 3360 bytes of temporary space"):
        decode_all(open_vsl(source), 1)


def test_intensity_and_place_come_back(tmp_path):
    slope, inter = np.random.default_rng(0).uniform(1, 2, (2, 7, 4))
    scan = scan_of(STORED, geometry=np.diag([1.0, 2.0, 3.0, 1.0]), intensity=Intensity(slope, inter, "HU"))
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(coder="deflate", threads=1))
    back = decode_scan(tmp_path / "a.vsl")
    np.testing.assert_array_equal(back.values(), scan.values())
    np.testing.assert_array_equal(back.values(slice(1, 3), slice(2, 4)), scan.values(slice(1, 3), slice(2, 4)))
    np.testing.assert_array_equal(back.affine, scan.affine)


RUN = """
import sys
from pathlib import Path
from vesalius.codec.decode import VslFile, decode_all, open_vsl
from vesalius.errors import CorruptFileError
try:
    scan, loss, _ = decode_all(open_vsl(Path(sys.argv[1])), 1)
    print("decoded", scan.shape[2])
except CorruptFileError as error:
    print("refused", len(str(error).splitlines()))
"""


@pytest.mark.parametrize(("side", "expected"), [(1 << 13, "decoded 8192"), (1 << 14, "refused 1")])
def test_the_largest_chunk_takes_bounded_memory(source, tmp_path, side, expected):
    """A file of 300 bytes that holds 2**26 values decodes within 2 GiB; one of 2**28 is refused."""

    def change(header):
        tier = {**header["tiers"][0], "coder_id": 1, "plane_bits": [1], "low": 0}
        tier.pop("table_blob", None)
        return {**header, "shape": [1, 1, side, side // 1, 1], "tiers": [tier], "frame_ms": None}

    path = rewritten(
        source,
        tmp_path / "b.vsl",
        change,
        lambda tail: {"tiers": [{}]},
        lambda frames: [frames[0], ("chunk", 0, 0, b"\0\1\0")],
    )
    limit = 2 << 30
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(p for p in sys.path if p)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.stdout.strip() == expected, done.stderr


DESCRIBED = smooth((1, 3, 16, 15, 2), np.uint16)


@pytest.fixture
def described(tmp_path):
    scan = scan_of(
        DESCRIBED,
        geometry=np.diag([1.0, 2.0, 3.0, 1.0]),
        intensity=Intensity.linear(2.0, -5.0, "HU"),
        modality="CT",
        native=Kept({"kept": b"abc"}),
    )
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(lossless=True, max_error=4, coder="jpegxl", threads=1))
    return tmp_path / "a.vsl"


def test_a_file_tells_what_it_is_without_decoding(described):
    told = describe(described)
    assert told == json.loads(json.dumps(told))
    size = described.stat().st_size
    assert (told["format_version"], told["tool"]) == ("2", f"vesalius {vesalius.__version__}")
    assert (told["source_format"], told["bytes"]) == ("numpy", size)
    assert told["ratio_16_bit"] == 2 * DESCRIBED.size / size
    assert told["bits_per_voxel"] == 8 * size / DESCRIBED.size
    low, high = np.percentile(2.0 * DESCRIBED - 5, [0.1, 99.9])
    assert told["peak"] == pytest.approx(high - low)
    assert told["attachments"]["kept"] == 3
    lossless, lossy = told["tiers"]
    assert (lossless["name"], lossless["target"], lossless["psnr_db"]) == ("lossless", "lossless", None)
    assert (lossy["coder"], lossy["target"], lossy["exact_decoder"]) == ("jpegxl", "max error 4", True)
    assert 0 < lossy["max_error"] <= 4


def test_a_damaged_file_is_not_described(described):
    described.write_bytes(described.read_bytes()[:-3])
    with pytest.raises(CorruptFileError):
        describe(described)
