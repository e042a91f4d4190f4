import bz2
import gzip
import io
import struct
import zlib

import nibabel as nib
import numpy as np
import pytest

from real_data import real
from vesalius.errors import InputError
from vesalius.scan.damage import PADDING, not_decodable, read_to_end
from vesalius.scan.open import open_scan

RNG = np.random.default_rng(5)
VOLUME = np.clip(np.cumsum(RNG.integers(-3, 4, (12, 10, 8)), axis=2) + 40, 0, 255).astype("<i2")


def test_padding_may_follow_and_nothing_else(tmp_path):
    read_to_end(io.BytesIO(b"").read, tmp_path)
    read_to_end(io.BytesIO(bytes(PADDING)).read, tmp_path)
    with pytest.raises(InputError, match="holds 9 bytes more than its header promises"):
        read_to_end(io.BytesIO(bytes(8) + b"x").read, tmp_path)


def test_no_more_is_read_than_padding_may_be(tmp_path):
    endless = io.BytesIO(bytes(64 * PADDING))
    with pytest.raises(InputError, match=f"more than {PADDING} bytes beyond"):
        read_to_end(endless.read, tmp_path)
    assert endless.tell() < 2 * PADDING


def nifti(path, volume=VOLUME):
    nib.save(nib.Nifti1Image(volume, np.eye(4)), path)
    return path


def changed(data, number, first=0):
    """Copies of some bytes with one of them changed."""
    for at in RNG.integers(first, len(data), number).tolist():
        damaged = bytearray(data)
        damaged[at] ^= int(RNG.integers(1, 256))
        yield bytes(damaged)


def is_sound_gzip(data):
    try:
        gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return False
    return True


@pytest.mark.parametrize("source", ["phantom", "hippocampus-msd/imagesTr", "hippocampus-msd/labelsTr"])
def test_no_damage_that_gzip_sees_passes_as_sound(source, tmp_path):
    original = nifti(tmp_path / "a.nii.gz") if source == "phantom" else sorted(real(source).glob("*.nii.gz"))[0]
    damaged = tmp_path / "b.nii.gz"
    seen = 0
    for data in changed(original.read_bytes(), 120, first=10):
        if is_sound_gzip(data):
            continue
        seen += 1
        damaged.write_bytes(data)
        with pytest.raises(InputError):
            open_scan(damaged).stored()
    assert seen > 100


def test_reading_frame_by_frame_reaches_the_checksum_too(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", np.stack([VOLUME] * 3, axis=3))
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # in the checksum
    path.write_bytes(data)
    scan = open_scan(path)
    assert (scan.stored(t=slice(0, 1))[0, 0] == VOLUME).all()  # a look at one frame need not read the others
    scan.stored(t=slice(1, 2))
    with pytest.raises(InputError, match="CRC"):
        scan.stored(t=slice(2, 3))


def test_a_gzip_file_of_several_members_is_one_stream(tmp_path):
    plain = nifti(tmp_path / "a.nii").read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(plain[:500]) + gzip.compress(plain[500:]) + bytes(512))
    assert (open_scan(path).stored()[0, 0] == VOLUME).all()
    second = bytearray(path.read_bytes())
    second[-518] ^= 1  # the checksum of the second member
    path.write_bytes(second)
    with pytest.raises(InputError):
        open_scan(path).stored()


@pytest.mark.parametrize(("behind", "fine"), [(bytes(700), True), (b"\1" * 700, False)])
def test_what_follows_the_values_of_a_gzipped_nifti(behind, fine, tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(nifti(tmp_path / "a.nii").read_bytes() + behind))
    if fine:
        assert (open_scan(path).stored()[0, 0] == VOLUME).all()
        return
    with pytest.raises(InputError, match="holds 700 bytes more than its header promises"):
        open_scan(path).stored()


def test_a_raw_file_that_is_too_long_has_a_problem_line(tmp_path):
    path = nifti(tmp_path / "a.nii")
    assert not [line for line in open_scan(path).problems if "more than" in line]
    path.write_bytes(path.read_bytes() + b"x" * 33)
    scan = open_scan(path)
    assert "the file holds 33 bytes more than its header promises; they are not read" in scan.problems
    assert (scan.stored()[0, 0] == VOLUME).all()
    np.save(tmp_path / "b.npy", VOLUME)
    with (tmp_path / "b.npy").open("ab") as file:
        file.write(b"tail")
    assert open_scan(tmp_path / "b.npy").problems == (
        "the file holds 4 bytes more than its header promises; they are not read",
    )


MIB = np.tile(np.arange(1 << 15, dtype="<i2").reshape(32, 32, 32), (4, 2, 2))  # 1 MiB: whole blocks
COMPRESSORS = {"gzip": lambda data: gzip.compress(data, mtime=0), "bzip2": bz2.compress, "zlib": zlib.compress}


def flat_file(folder, encoding, data):
    """NRRD in gzip or bzip2, MetaImage in zlib."""
    sizes = " ".join(map(str, MIB.shape[::-1]))
    packed = COMPRESSORS[encoding](data)
    if encoding == "zlib":
        head = f"ObjectType = Image\nNDims = 3\nDimSize = {sizes}\nElementType = MET_SHORT\nCompressedData = True\n"
        path, head = folder / "a.mha", f"{head}CompressedDataSize = {len(packed)}\nElementDataFile = LOCAL\n"
    else:
        path, head = folder / "a.nrrd", f"NRRD0004\ntype: short\ndimension: 3\nsizes: {sizes}\nendian: little\n"
        head += f"encoding: {encoding}\n\n"
    path.write_bytes(head.encode() + packed)
    return path, len(packed)


@pytest.mark.parametrize("encoding", COMPRESSORS)
def test_the_checksum_behind_whole_blocks_is_reached(encoding, tmp_path):
    assert MIB.nbytes == 1 << 20
    path, _ = flat_file(tmp_path, encoding, MIB.tobytes())
    assert (open_scan(path).stored()[0, 0] == MIB.transpose(2, 1, 0)).all()
    sound = path.read_bytes()
    for last in {"gzip": (1, 5), "bzip2": (3,), "zlib": (1,)}[encoding]:  # in the checksum, or the length behind it
        damaged = bytearray(sound)
        damaged[-last] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(InputError):
            open_scan(path).stored()
    path.write_bytes(sound[:-2])
    with pytest.raises(InputError):
        open_scan(path).stored()


@pytest.mark.parametrize("encoding", COMPRESSORS)
def test_values_beyond_the_promised_ones_are_refused(encoding, tmp_path):
    path, _ = flat_file(tmp_path, encoding, MIB.tobytes() + b"\1\2\3")
    with pytest.raises(InputError, match="holds 3 bytes more than its header promises"):
        open_scan(path).stored()


@pytest.mark.parametrize("encoding", ["text", "hex", "raw"])
def test_what_follows_values_that_are_not_compressed(encoding, tmp_path):
    body = {"text": b"1 2 3 4 5", "hex": b"01020304 05", "raw": b"\1\2\3\4\5"}[encoding]
    path = tmp_path / "a.nrrd"
    path.write_bytes(f"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 2\nencoding: {encoding}\n\n".encode() + body)
    if encoding == "raw":
        scan = open_scan(path)
        assert scan.stored().ravel(order="F").tolist() == [1, 2, 3, 4]
        assert any("1 bytes more than its header promises" in line for line in scan.problems)
        return
    with pytest.raises(InputError, match="more"):
        open_scan(path).stored()


def test_an_array_in_a_zip_file_is_compared_with_its_checksum(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, image=VOLUME)
    sound = path.read_bytes()
    shorter = bytearray(sound)
    place = sound.index(struct.pack("<L", zlib.crc32(zlib.decompress(_member(sound), -15))))
    for at in (place, sound.index(b"PK\1\2") + 16):  # in the local header and in the directory
        shorter[at] ^= 1
    path.write_bytes(shorter)
    with pytest.raises(InputError, match="CRC"):
        open_scan(path).stored()


def _member(data):
    """The deflated bytes of the only member, by the numbers of its local header."""
    name, extra = struct.unpack_from("<HH", data, 26)
    return data[30 + name + extra : data.index(b"PK\1\2")]


def test_an_exception_becomes_one_line(tmp_path):
    error = not_decodable(tmp_path / "x.nii", ValueError("first\nsecond" + "x" * 999), "NIfTI")
    assert str(error).endswith("x.nii: cannot be read as NIfTI (first); check that the copy is complete")
    assert "ValueError" in str(not_decodable(tmp_path / "x.nii", ValueError(), "NIfTI"))
