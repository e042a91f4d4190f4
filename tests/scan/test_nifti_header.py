import logging
import struct

import nibabel as nib
import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.scan.nifti_header import affine, check_extensions, find_files, read_header, strip, text_warnings, time

TURN = np.array([[0, -2, 0, 5], [1.5, 0, 0, -8], [0, 0, 3, 9], [0, 0, 0, 1.0]])
OTHER = np.diag([1.0, 1, 1, 1])


def header(cls=nib.Nifti1Header, **fields):
    made = cls()
    made.set_data_shape((4, 3, 2, 5))
    for name, value in fields.items():
        made[name] = value
    return made


def with_forms(sform, qform, **fields):
    made = header(**fields)
    made.set_sform(TURN, sform)
    made.set_qform(OTHER, qform)
    return made


@pytest.mark.parametrize(
    ("sform", "qform", "expected"), [(1, 1, TURN), (4, 0, TURN), (2, 1, TURN), (0, 1, OTHER), (0, 3, OTHER)]
)
def test_the_sform_is_preferred(sform, qform, expected):
    found, problems = affine(with_forms(sform, qform))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert problems == []


def test_a_broken_sform_is_named_and_passed_over():
    made = with_forms(1, 1)
    made["srow_x"] = 0
    found, problems = affine(made)
    np.testing.assert_allclose(found, OTHER)
    assert "sform is not usable" in problems[0]
    made["quatern_b"] = 3
    found, problems = affine(made)
    assert "the qform is not usable: it is not a rotation" in problems
    assert found is not None


def test_spacing_alone():
    made = header(pixdim=[1, -2, 3, 4, 0, 0, 0, 0])
    found, problems = affine(made)
    np.testing.assert_array_equal(found, np.diag([2, 3, 4, 1]))
    assert problems == ["neither sform nor qform: orientation unknown, spacing only"]
    found, problems = affine(header(pixdim=[1, 0, 3, 4, 0, 0, 0, 0]))
    assert found is None
    assert "zero" in problems[1]


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001), ("mm", 1), ("unknown", 1)])
def test_lengths_are_turned_to_mm(unit, factor):
    made = with_forms(1, 1)
    made.set_xyzt_units(unit, "sec")
    found, problems = affine(made)
    np.testing.assert_allclose(found[:3], TURN[:3] * factor)
    assert len(problems) == (factor != 1)


@pytest.mark.parametrize(("unit", "factor"), [("sec", 1000), ("msec", 1), ("usec", 0.001)])
def test_frame_times(unit, factor, tmp_path):
    made = header(pixdim=[1, 1, 1, 1, 0.046, 0, 0, 0], toffset=2)
    made.set_xyzt_units("mm", unit)
    frame_ms, meaning, problems = time(made, 5, tmp_path / "x.nii")
    np.testing.assert_allclose(frame_ms, [(2 + 0.046 * n) * factor for n in range(5)], rtol=1e-12)
    assert (meaning, problems) == ("time", [])
    assert time(made, 1, tmp_path / "x.nii") == (None, "unknown", [])


@pytest.mark.parametrize(("unit", "step"), [("unknown", 2), ("hz", 2), ("sec", 0), ("sec", -1), ("sec", np.nan)])
def test_frame_times_are_not_invented(unit, step, tmp_path):
    made = header(pixdim=[1, 1, 1, 1, step, 0, 0, 0])
    made.set_xyzt_units("mm", unit)
    frame_ms, meaning, problems = time(made, 5, tmp_path / "x.nii")
    assert (frame_ms, meaning, len(problems)) == (None, "unknown", 1)


def test_diffusion_by_name_or_by_values_beside_it(tmp_path):
    made = header(pixdim=[1, 1, 1, 1, 2, 0, 0, 0])
    made.set_xyzt_units("mm", "sec")
    assert time(made, 5, tmp_path / "sub-1_dwi.nii.gz")[1] == "diffusion"
    assert time(made, 5, tmp_path / "x.nii.gz")[1] == "time"
    (tmp_path / "x.bval").write_text("0 1000 1000 1000")
    assert time(made, 5, tmp_path / "x.nii.gz")[1] == "time"
    (tmp_path / "x.bval").write_text("0 1000 1000 1000 1000")
    assert time(made, 5, tmp_path / "x.nii.gz")[1] == "diffusion"


def test_both_files_of_a_pair_are_found(tmp_path):
    for ending in ("", ".gz"):
        hdr, img = tmp_path / f"x.hdr{ending}", tmp_path / f"x.img{ending}"
        hdr.touch()
        with pytest.raises(InputError, match="pair is absent"):
            find_files(hdr)
        img.touch()
        assert find_files(hdr) == find_files(img) == (hdr, img)
    single = tmp_path / "x.nii.gz"
    assert find_files(single) == (single, single)


@pytest.mark.parametrize("cls", [nib.Nifti1Header, nib.Nifti2Header])
@pytest.mark.parametrize("order", "<>")
def test_headers_of_both_orders(cls, order, tmp_path, caplog, capsys):
    made = header(lambda: cls(endianness=order))
    made["pixdim"][0] = 7  # mended by nibabel with a message
    (tmp_path / "x.nii").write_bytes(made.binaryblock)
    with caplog.at_level(logging.DEBUG):
        found, problems = read_header(tmp_path / "x.nii", single=True)
    assert type(found) is cls
    assert found.endianness == order
    assert found["pixdim"][0] == 1
    assert "qfac" in problems[0] if problems else True
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("size", [0, 100, 347])
def test_not_a_header(size, tmp_path):
    (tmp_path / "x.nii").write_bytes(header().binaryblock[:size])
    with pytest.raises(InputError, match=r"not a NIfTI|cut short"):
        read_header(tmp_path / "x.nii", single=True)
    (tmp_path / "x.nii").write_bytes(header(nib.Nifti2Header).binaryblock[:500])
    with pytest.raises(InputError, match="cut short"):
        read_header(tmp_path / "x.nii", single=True)


@pytest.mark.parametrize("cls", [nib.Nifti1Header, nib.Nifti2Header])
@pytest.mark.parametrize("order", "<>")
def test_strip_blanks_text_and_extensions_and_nothing_else(cls, order):
    made = header(lambda: cls(endianness=order), descrip=b"who", intent_name=b"what", aux_file=b"where")
    whole = made.binaryblock + b"\1\0\0\0" + b"extension......."
    assert len(text_warnings(whole)) == 2
    blank = strip(whole)
    assert len(blank) == len(whole)
    assert text_warnings(blank) == []
    assert blank[cls.sizeof_hdr :] == bytes(20)
    left = cls(blank[: cls.sizeof_hdr], endianness=order)
    for name in made.template_dtype.names:
        if name in ("descrip", "intent_name", "aux_file", "db_name"):
            assert bytes(left[name].item()).strip(b"\0") == b""
        else:
            np.testing.assert_array_equal(left[name], made[name])


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("single", [True, False])
def test_extensions_that_do_not_fit(single, order):
    made = (nib.Nifti1Header if single else nib.nifti1.Nifti1PairHeader)(endianness=order)
    made["vox_offset"] = 384 if single else 0
    head = made.binaryblock + b"\1\0\0\0"
    check_extensions(head + struct.pack(f"{order}ii", 32, 6) + bytes(24), made, single=single)
    check_extensions(head + struct.pack(f"{order}iiq", 16, 6, 0) * 2, made, single=single)
    check_extensions(made.binaryblock + bytes(36), made, single=single)
    for size in (1 << 30, -5, 0, 4000):
        with pytest.raises(ValueError, match="impossible"):
            check_extensions(head + struct.pack(f"{order}ii", size, 6) + bytes(24), made, single=single)
    made["vox_offset"] = 352 - 16
    if single:
        with pytest.raises(ValueError, match="start before"):
            check_extensions(head + bytes(32), made, single=single)
