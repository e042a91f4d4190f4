import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from real_data import real
from scan.nifti_reference import reference
from vesalius.errors import CorruptFileError, InputError
from vesalius.scan.native import Packed, writer
from vesalius.scan.nifti.read import read, restore

AFFINE = np.array([[-2, 0.1, 0, 5], [0, 2, 0.2, -8], [0, 0, 3, 9], [0, 0, 0, 1]])
LEGAL = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16"]
BUILDS = {"one": nib.Nifti1Image, "two": nib.Nifti2Image}


def make(path, array, *, cls=nib.Nifti1Image, order="<", scale=None, extension=None, descrip=b""):
    header = cls.header_class(endianness=order)
    header.set_data_dtype(array.dtype)
    header.set_xyzt_units("mm", "sec")
    header["descrip"] = descrip
    if scale:
        header.set_slope_inter(*scale)
    image = cls(array, AFFINE, header)
    if extension:
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", extension))
    with np.errstate(invalid="ignore"):
        nib.save(image, path)
    return path


def noise(shape, dtype, seed=0):
    """Any bits, NaN and infinities included."""
    dtype = np.dtype(dtype)
    raw = np.random.default_rng(seed).bytes(int(np.prod(shape)) * dtype.itemsize)
    return np.frombuffer(raw, dtype).reshape(shape)


def write_raw(path, array, *, cls=nib.Nifti1Header, order="<"):
    """A file whose stored values are these very bits (nib.save may rescale)."""
    header = cls(endianness=order)
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    header.set_sform(AFFINE, 1)
    header["magic"] = header.single_magic
    header["vox_offset"] = header.single_vox_offset
    data = header.binaryblock + b"\0\0\0\0" + array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def give_back(path, target, **pack):
    scan = read(path)
    packed = scan.native.pack(pack.get("identifiers", "default"), None)
    if packed.folder:
        target.mkdir()
    restore(packed, scan.pixels, target, None)
    return packed


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", LEGAL)
def test_every_dtype_as_nibabel_reads_it(dtype, order, build, tmp_path):
    array = noise((4, 3, 2, 3), dtype)
    path = write_raw(tmp_path / "x.nii", array, cls=BUILDS[build].header_class, order=order)
    scan = read(path)
    stored, _ = reference(path)
    assert scan.dtype == stored.dtype
    assert scan.stored().tobytes() == stored.tobytes() == array.astype(stored.dtype).transpose(3, 0, 1, 2).tobytes()
    np.testing.assert_allclose(scan.affine, AFFINE, atol=1e-6)
    assert scan.native.format == "nifti"


@pytest.mark.parametrize("code", [1536, 2048])
def test_extended_floats_that_nibabel_does_not_know_are_refused(code, tmp_path):
    path = write_raw(tmp_path / "x.nii", noise((4, 3, 2), "f8"))
    header = nib.load(path).header
    header["datatype"], header["vox_offset"] = code, 352
    path.write_bytes(header.binaryblock + bytes(4) + bytes(24 * 32))
    try:
        expected, _ = reference(path)
    except nib.spatialimages.HeaderDataError:
        with pytest.raises(InputError, match="cannot be read as NIfTI"):
            read(path)
        return
    assert read(path).stored().tobytes() == expected.tobytes()


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_colours_become_channels(names, tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (4, 3, 2, len(names))).astype("u1")
    packed = array.view([(name, "u1") for name in names])[..., 0]
    path = tmp_path / "x.nii"
    nib.save(nib.Nifti1Image(packed, AFFINE), path)
    scan = read(path)
    assert scan.shape == (len(names), 1, 4, 3, 2)
    assert scan.colour == {"RGB": "rgb", "RGBA": "channels"}[names]
    assert np.array_equal(scan.stored()[:, 0], array.transpose(3, 0, 1, 2))
    give_back(path, tmp_path / "y.nii")
    assert (tmp_path / "y.nii").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("scale", [(0.5, -100.0), (2.0, 0.0), (1.0, 1024.0)])
def test_scaling(scale, tmp_path):
    array = np.random.default_rng(0).integers(-99, 99, (4, 3, 2)).astype("i2")
    path = make(tmp_path / "x.nii.gz", (array * scale[0] + scale[1]).astype("f4"))
    header = nib.load(path).header
    header.set_data_dtype("i2")
    header.set_slope_inter(*scale)
    plain = tmp_path / "y.nii"
    plain.write_bytes(header.binaryblock[:108] + np.float32(352).tobytes() + header.binaryblock[112:] + bytes(4))
    with plain.open("ab") as file:
        file.write(array.tobytes(order="F"))
    scan = read(plain)
    assert np.array_equal(scan.stored()[0, 0], array)
    np.testing.assert_array_equal(scan.values(dtype=np.float64)[0, 0], nib.load(plain).get_fdata())
    np.testing.assert_array_equal(scan.values()[0, 0], (array * scale[0] + scale[1]).astype("f4"))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4,), (1, 1, 4, 1, 1)),
        ((4, 3), (1, 1, 4, 3, 1)),
        ((4, 3, 2), (1, 1, 4, 3, 2)),
        ((4, 3, 2, 5), (1, 5, 4, 3, 2)),
        ((4, 3, 2, 1, 3), (3, 1, 4, 3, 2)),
        ((4, 3, 2, 2, 3, 2), (6, 2, 4, 3, 2)),
        ((2, 2, 2, 2, 2, 2, 2), (8, 2, 2, 2, 2)),
    ],
)
def test_dims_become_axes(shape, expected, tmp_path):
    path = write_raw(tmp_path / "x.nii", noise(shape, "i2"))
    scan = read(path)
    assert scan.shape == expected
    assert np.array_equal(scan.stored(), reference(path)[0])
    give_back(path, tmp_path / "y.nii")
    assert (tmp_path / "y.nii").read_bytes() == path.read_bytes()


@settings(max_examples=60)
@given(st.data())
def test_restored_bytes_are_the_original_bytes(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("bytes")
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=3, max_size=5)))
    dtype, order, build = (data.draw(st.sampled_from(one)) for one in (LEGAL, "<>", sorted(BUILDS)))
    array = noise(shape, dtype, data.draw(st.integers(0, 99)))
    suffix = data.draw(st.sampled_from([".nii", ".nii.gz"]))
    path = write_raw(folder / f"x{suffix}", array, cls=BUILDS[build].header_class, order=order)
    give_back(path, folder / f"y{suffix}")
    first, second = (one.read_bytes() for one in (path, folder / f"y{suffix}"))
    if suffix == ".nii.gz":
        first, second = gzip.decompress(first), gzip.decompress(second)
    assert first == second


@pytest.mark.parametrize("build", BUILDS)
def test_header_and_extensions_come_back(build, tmp_path):
    array = np.random.default_rng(0).integers(-99, 99, (4, 3, 2)).astype("i2")
    made = {"cls": BUILDS[build], "extension": b"patient said no", "descrip": b"scanner 7"}
    path = make(tmp_path / "x.nii", array, **made)
    packed = give_back(path, tmp_path / "y.nii")
    assert (tmp_path / "y.nii").read_bytes() == path.read_bytes()
    assert len(packed.warnings) == 2
    packed = give_back(path, tmp_path / "z.nii", identifiers="strip")
    assert packed.warnings == ()
    stripped = (tmp_path / "z.nii").read_bytes()
    assert b"patient" not in stripped
    assert b"scanner" not in stripped
    assert len(stripped) == len(path.read_bytes())
    np.testing.assert_array_equal(nib.load(tmp_path / "z.nii").get_fdata(), nib.load(path).get_fdata())
    np.testing.assert_array_equal(nib.load(tmp_path / "z.nii").affine, nib.load(path).affine)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("cls", [nib.Nifti1Pair, nib.Nifti2Pair])
def test_pairs(cls, ending, tmp_path):
    array = np.random.default_rng(0).integers(-99, 99, (4, 3, 2)).astype("i2")
    make(tmp_path / f"x.img{ending}", array, cls=cls, descrip=b"some text")
    for name in ("x.img", "x.hdr"):
        scan = read(tmp_path / f"{name}{ending}")
        assert np.array_equal(scan.stored()[0, 0], array)
    packed = give_back(tmp_path / f"x.img{ending}", tmp_path / "back")
    assert packed.folder
    for name in ("hdr", "img"):
        original = (tmp_path / f"x.{name}{ending}").read_bytes()
        original = gzip.decompress(original) if ending else original
        assert (tmp_path / "back" / f"image.{name}").read_bytes() == original
    assert np.array_equal(read(tmp_path / "back" / "image.img").stored(), scan.stored())
    (tmp_path / f"x.hdr{ending}").unlink()
    with pytest.raises(InputError, match="pair is missing"):
        read(tmp_path / f"x.img{ending}")


def test_upper_case_suffix(tmp_path):
    make(tmp_path / "x.nii.gz", np.ones((4, 3, 2), "i2")).rename(tmp_path / "X.NII.GZ")
    assert read(tmp_path / "X.NII.GZ").stored().sum() == 24


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", bytes(348), bytes(2000)])
def test_what_is_no_nifti(content, tmp_path):
    for suffix in (".nii", ".nii.gz", ".img"):
        (tmp_path / f"x{suffix}").write_bytes(content)
        with pytest.raises(InputError) as caught:
            read(tmp_path / f"x{suffix}")
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "absent.nii")


def test_an_analyze_pair_is_read_as_such(tmp_path):
    nib.save(nib.AnalyzeImage(np.ones((4, 3, 2), "i2"), None), tmp_path / "x.img")
    scan = read(tmp_path / "x.img")
    assert scan.stored().sum() == 24
    assert scan.problems[0].startswith("Analyze 7.5 states no orientation")
    assert "neither sform nor qform" not in " ".join(scan.problems)


def test_the_content_decides_about_gzip(tmp_path):
    x_IJK = noise((4, 3, 2), "i2")
    plain, packed = make(tmp_path / "a.nii", x_IJK), make(tmp_path / "b.nii.gz", x_IJK)
    plain.rename(tmp_path / "plain.nii.gz")
    packed.rename(tmp_path / "packed.nii")
    for name, word in (("plain.nii.gz", "not gzipped"), ("packed.nii", "is gzipped")):
        scan = read(tmp_path / name)
        assert np.array_equal(scan.stored()[0, 0], x_IJK)
        assert word in " ".join(scan.problems)
        assert scan.pixels.direct == (name == "plain.nii.gz")


@pytest.mark.parametrize(
    ("dim", "what"), [([3, 4, 0, 2, 1, 1, 1, 1], "empty"), ([3, 4, -3, 2, 1, 1, 1, 1], "impossible")]
)
def test_impossible_shapes(dim, what, tmp_path):
    path = write_raw(tmp_path / "x.nii", noise((4, 3, 2), "i2"))
    header = nib.load(path).header
    header["dim"] = dim
    header["vox_offset"] = 352
    path.write_bytes(header.binaryblock + path.read_bytes()[348:])
    with pytest.raises(InputError, match=what):
        read(path)


def test_too_much_before_the_pixels(tmp_path):
    path = write_raw(tmp_path / "x.nii", noise((4, 3, 2), "i2"))
    header = nib.load(path).header
    header["vox_offset"] = 1 << 27
    with (tmp_path / "y.nii").open("wb") as file:
        file.write(header.binaryblock)
        file.truncate((1 << 27) + 100)
    with pytest.raises(InputError, match="before the pixels"):
        read(tmp_path / "y.nii")


def test_stored_facts_that_do_not_fit(tmp_path):
    path = write_raw(tmp_path / "x.nii", noise((4, 3, 2), "i2"))
    scan = read(path)
    packed = scan.native.pack("default", None)
    for wrong in ({}, {**packed.facts, "file_shape": [4, 3, 3]}, {**packed.facts, "file_shape": None}):
        with pytest.raises(CorruptFileError):
            restore(Packed("nifti", wrong, packed.blobs), scan.pixels, tmp_path / "y.nii", None)
    with pytest.raises(CorruptFileError):
        restore(Packed("nifti", packed.facts, {}), scan.pixels, tmp_path / "y.nii", None)
    assert writer("nifti") is restore


@pytest.mark.data
@pytest.mark.parametrize("folder", ["hippocampus-msd", "spine-sct", "ct-head-template", "cine-acdc-sample", "ct-body"])
def test_real_files_as_nibabel_reads_them(folder, tmp_path):
    files = sorted(path for path in real(folder).rglob("*.nii*"))[:4]
    assert files
    for path in files:
        scan = read(path)
        stored, values = reference(path)
        assert scan.stored().tobytes() == stored.tobytes()
        np.testing.assert_allclose(scan.values(dtype=np.float64), values, rtol=0, atol=0)
        np.testing.assert_array_equal(scan.affine, nib.load(path).affine)
        give_back(path, tmp_path / "back.nii")
        original = path.read_bytes()
        original = gzip.decompress(original) if path.suffix == ".gz" else original
        assert (tmp_path / "back.nii").read_bytes() == original
