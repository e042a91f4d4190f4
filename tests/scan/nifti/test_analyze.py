"""Analyze pairs against nibabel."""

import nibabel as nib
import numpy as np
import pytest

from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError
from vesalius.scan.describe import describe_scan
from vesalius.scan.nifti.read import read
from vesalius.scan.open import find_scans
from vesalius.tasks.compress.decompress import decompress
from vesalius.tasks.compress.run import compress


def make(path, x, *, order="<", cls=nib.AnalyzeImage, zooms=(0.5, 2.0, 4.0), slope=None, **texts):
    """An Analyze pair, written by nibabel."""
    header = cls.header_class(endianness=order)
    header.set_data_shape(x.shape)
    header.set_data_dtype(x.dtype)
    header.set_zooms(zooms + (1.0,) * (x.ndim - 3))
    for name, text in texts.items():
        header[name] = text
    if slope is not None:
        header["scl_slope"] = slope
    image = cls(x, None, header)
    nib.save(image, path)
    if slope is not None:  # nibabel chooses the slope itself
        raw = bytearray(path.with_suffix(".hdr").read_bytes())
        raw[112:116] = np.array(slope, f"{order}f4").tobytes()
        path.with_suffix(".hdr").write_bytes(raw)
    return path


def ramp(shape, dtype):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape, order="F")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4", "f8"])
def test_values_and_spacing_as_nibabel_reads_them(dtype, order, tmp_path):
    path = make(tmp_path / "a.img", ramp((4, 3, 5), dtype), order=order)
    scan = read(path)
    assert np.array_equal(scan.stored()[0, 0], np.asarray(nib.load(path).dataobj))
    assert scan.dtype == np.dtype(dtype).newbyteorder(order)
    assert scan.spacing_mm == (0.5, 2.0, 4.0)
    assert describe_scan(scan).orientation is None
    assert scan.problems == ("Analyze 7.5 states no orientation: left and right are unknown, only the spacing is used",)
    assert np.array_equal(read(path.with_suffix(".hdr")).stored(), scan.stored())


def test_frames_are_t_without_times(tmp_path):
    x = ramp((3, 4, 2, 5), "i2")
    scan = read(make(tmp_path / "a.img", x))
    assert scan.shape == (1, 5, 3, 4, 2)
    assert scan.frame_ms is None
    assert np.array_equal(scan.stored(t=slice(3, 4))[0, 0], x[..., 3])
    assert "the time unit or the frame interval is not stated" in scan.problems


@pytest.mark.parametrize("order", "<>")
def test_the_scale_of_spm_is_applied_and_said(order, tmp_path):
    path = make(tmp_path / "a.img", ramp((4, 3, 2), "i2"), order=order, cls=nib.Spm99AnalyzeImage, slope=0.25)
    expected = nib.Spm99AnalyzeImage.from_filename(path).get_fdata()
    assert expected.max() == 0.25 * 23
    (tmp_path / "a.mat").write_bytes(b"matlab")
    scan = read(path)
    assert np.allclose(scan.values()[0, 0], expected)
    assert "values are scaled as in SPM: stored x 0.25 + 0" in scan.problems
    assert "the position in a.mat is not read" in scan.problems


def test_a_pair_is_found_once_and_half_of_it_is_named(tmp_path):
    make(tmp_path / "a.img", ramp((4, 3, 2), "i2"))
    (found,) = find_scans(tmp_path)
    assert found.path.name == "a.img"
    (tmp_path / "a.img").unlink()
    (found,) = find_scans(tmp_path)
    with pytest.raises(InputError, match=r"a\.hdr: the other file of the pair is missing \(a\.img\)"):
        found.open()


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        (108, np.float32(-8), "impossible pixel offset -8"),
        (108, np.float32(2.5), r"impossible pixel offset 2\.5"),
        (42, np.int16(-4), "impossible shape"),
        (42, np.int16(400), "the header promises"),
    ],
)
def test_damaged_headers(place, value, what, tmp_path):
    path = make(tmp_path / "a.img", ramp((4, 3, 2), "i2")).with_suffix(".hdr")
    raw = bytearray(path.read_bytes())
    raw[place : place + value.nbytes] = value.tobytes()
    path.write_bytes(raw)
    with pytest.raises(InputError, match=what):
        read(path)


@pytest.mark.parametrize("order", "<>")
def test_a_pair_comes_back_byte_for_byte_and_blank_when_stripped(order, tmp_path):
    path = make(tmp_path / "a.img", ramp((4, 3, 2), "i2"), order=order, patient_id=b"PLANTED", descrip=b"PLANTED TEXT")
    for name, identifiers in (("kept", "default"), ("blank", "strip")):
        vsl = tmp_path / f"{name}.vsl"
        done = compress([path], vsl, CompressConfig(identifiers=identifiers))
        decompress(vsl, tmp_path / name)
        back = {file.suffix: file.read_bytes() for file in (tmp_path / name).iterdir()}
        assert back[".img"] == path.read_bytes()
        header = path.with_suffix(".hdr").read_bytes()
        warnings = list(done.written[0].warnings)
        if identifiers == "default":
            assert back[".hdr"] == header
            assert warnings == ["Analyze text fields are kept (descrip, patient_id); --strip blanks them"]
        else:
            assert b"PLANTED" not in back[".hdr"] + vsl.read_bytes()
            assert back[".hdr"][:14] + back[".hdr"][40:148] == header[:14] + header[40:148]
            assert np.array_equal(read(tmp_path / name / "image.img").stored(), read(path).stored())


def test_values_of_no_type_are_refused(tmp_path):
    path = make(tmp_path / "a.img", ramp((3, 4, 2), np.int16))
    header = bytearray(path.with_suffix(".hdr").read_bytes())
    header[70:74] = bytes(4)
    path.with_suffix(".hdr").write_bytes(header)
    with pytest.raises(InputError, match="no numeric type"):
        read(path)
