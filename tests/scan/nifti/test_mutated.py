"""Damaged NIfTI files: one line of error, or exactly what nibabel gives; never more, and never much memory."""

import gzip
import struct
import tracemalloc
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from scan.nifti_reference import reference
from vesalius.errors import VesaliusError
from vesalius.scan.nifti.read import read

MEMORY = 200 << 20
SHIPPED = ("functional.nii", "example_nifti2.nii.gz", "anatomical.nii")
SPECIAL = (
    b"\0\0",
    b"\xff\xff",
    b"\x7f\xff",
    b"\xff\x7f",
    b"\x80\0",
    b"\0\x80",
    b"\x01\0",
    b"\0\x01",
    b"\0\0\xc0\x7f",
    b"\0\0\x80\x7f",
)
"""Byte runs that make header fields extreme: largest, smallest, one, NaN, infinity."""


def made(folder):
    """Small files of every build: each is a list of paths, the first to be opened."""
    rng = np.random.default_rng(1)
    values = rng.integers(-500, 500, (5, 4, 3, 6))
    affine = np.array([[-2, 0.1, 0, 5], [0, 2, 0.2, -8], [0, 0, 3, 9], [0, 0, 0, 1]])

    def save(name, cls, array, scale=None, order="<"):
        header = cls.header_class(endianness=order)
        header.set_data_dtype(array.dtype)
        header.set_xyzt_units("mm", "sec")
        if scale:
            header.set_slope_inter(*scale)
        nib.save(cls(array, affine, header), folder / name)
        return folder / name

    rgb = rng.integers(0, 255, (5, 4, 3, 3)).astype("u1").view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    img = save("pair.img", nib.Nifti1Pair, values.astype(">i2"), order=">")
    return [
        [save("i2.nii", nib.Nifti1Image, values.astype("i2"), (0.5, -100))],
        [save("f4.nii.gz", nib.Nifti1Image, values.astype("f4"))],
        [save("n2.nii", nib.Nifti2Image, values.astype("u2"), (2, 1))],
        [save("rgb.nii", nib.Nifti1Image, rgb)],
        [save("c8.nii", nib.Nifti1Image, values.astype("c8"))],
        [img, img.with_suffix(".hdr")],
    ]


def mutate(rng, data):
    """Change a few bytes, most of them in the header, or cut the end off; in a gzip file mostly of its content."""
    if data[:2] == b"\x1f\x8b" and rng.random() < 0.8:
        return gzip.compress(mutate(rng, gzip.decompress(data)), 1)
    head = 540 if data[:1] == b"\x1c" else 352
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        where = int(rng.integers(0, min(head, len(data)) if rng.random() < 0.85 else len(data)))
        kind = rng.random()
        if kind < 0.4:
            data[where] = rng.integers(256)
        elif kind < 0.6:
            data[where] ^= 1 << rng.integers(8)
        else:
            run = SPECIAL[rng.integers(len(SPECIAL))]
            where -= where % 2
            data[where : where + len(run)] = run
    if rng.random() < 0.15:
        del data[int(rng.integers(0, len(data) + 1)) :]
    return bytes(data)


def check(path):
    """None where the file was refused in one line, else True where it equals nibabel's reading."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            scan = read(path)
            stored = scan.stored()
            real = None if stored.dtype.kind == "c" else scan.values(dtype=np.float64)
        except VesaliusError as error:
            assert len(str(error).splitlines()) == 1
            return None
    assert [str(one.message) for one in warned if "overflow" not in str(one.message)] == []
    expected, expected_real = reference(path)
    assert stored.dtype == expected.dtype
    assert stored.tobytes() == expected.tobytes()
    assert np.array_equal(scan.stored(k=slice(0, 1)), stored[..., :1], equal_nan=stored.dtype.kind in "fc")
    if real is not None and expected_real is not None:
        with np.errstate(over="ignore"):  # of extended floats
            np.testing.assert_array_equal(real, expected_real.astype(np.float64))
    return True


@pytest.fixture
def peak():
    """peak(path): the verdict of `check` and the bytes it took."""
    tracemalloc.start()

    def run(path):
        tracemalloc.reset_peak()
        base = tracemalloc.get_traced_memory()[0]
        verdict = check(path)
        return verdict, tracemalloc.get_traced_memory()[1] - base

    yield run
    tracemalloc.stop()


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_damaged_files(count, tmp_path, peak):
    shipped = [[Path(nib.__file__).parent / "tests" / "data" / name] for name in SHIPPED]
    sources = [*made(tmp_path), *(paths for paths in shipped if paths[0].exists())]
    rng = np.random.default_rng(7)
    good, refused = 0, 0
    for number in range(count):
        paths = sources[number % len(sources)]
        changed = int(rng.integers(len(paths)))
        for which, path in enumerate(paths):
            data = path.read_bytes()
            target = tmp_path / ("mutant" + "".join(path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:]))
            target.write_bytes(mutate(rng, data) if which == changed else data)
            if which == 0:
                opened = target
        verdict, taken = peak(opened)
        assert taken < MEMORY
        good, refused = good + (verdict is True), refused + (verdict is None)
    assert good > count // 10
    assert refused > count // 10


def test_undamaged_files(tmp_path):
    for paths in made(tmp_path):
        assert check(paths[0]) is True


@pytest.mark.parametrize("size", [0, 3, 4, 347, 348, 351, 352, 353])
def test_cut_short(size, tmp_path):
    (whole,) = made(tmp_path)[0]
    path = tmp_path / "cut.nii"
    path.write_bytes(whole.read_bytes()[:size])
    assert check(path) is None


def test_a_gzip_that_promises_more_than_it_can_hold(tmp_path):
    (whole,) = made(tmp_path)[1]
    plain = nib.load(whole)
    header = plain.header.copy()
    header["dim"][1:5] = 30000, 30000, 100, 10
    path = tmp_path / "bomb.nii"
    path.write_bytes(header.binaryblock + b"\0\0\0\0" + bytes(1000))
    assert check(path) is None
    with nib.openers.Opener(tmp_path / "bomb.nii.gz", "wb") as file:
        file.write(path.read_bytes())
    assert check(tmp_path / "bomb.nii.gz") is None


def test_a_lying_gzip_takes_no_memory(tmp_path, peak):
    """100 MB promised by 200 kB: deflate could do it, but the bytes are not there."""
    header = nib.Nifti1Header()
    header.set_data_shape((1000, 1000, 100))
    header.set_data_dtype(np.uint8)
    header["magic"], header["vox_offset"] = b"n+1", 352
    path = tmp_path / "lie.nii.gz"
    with nib.openers.Opener(path, "wb") as file:
        file.write(header.binaryblock + struct.pack("<i", 0) + np.random.default_rng(0).bytes(200_000))
    verdict, taken = peak(path)
    assert verdict is None
    assert taken < 20 << 20
