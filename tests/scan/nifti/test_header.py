import logging
import struct

import nibabel as nib
import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.scan.nifti.header import check_extensions, find_files, read_header, scaling, strip, text_warnings, time


def header(cls=nib.Nifti1Header, **fields):
    made = cls()
    made.set_data_shape((4, 3, 2, 5))
    for name, value in fields.items():
        made[name] = value
    return made


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
        with pytest.raises(InputError, match="pair is missing"):
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
    made["vox_offset"], made["qform_code"] = made.single_vox_offset, 1
    (tmp_path / "x.nii").write_bytes(made.binaryblock)
    with caplog.at_level(logging.DEBUG):
        found, problems = read_header(tmp_path / "x.nii", single=True)
    assert type(found) is cls
    assert found.endianness == order
    assert found["pixdim"][0] == 1
    assert problems == ["header: pixdim[0] (qfac) is 7, not 1 or -1; 1 is used"]
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


@pytest.mark.parametrize("cls", [nib.Nifti1Header, nib.Nifti2Header])
@pytest.mark.parametrize("offset", [0, 4, 343, -16])
def test_a_single_file_whose_pixels_begin_in_its_header_is_refused(cls, offset, tmp_path):
    made = header(cls, vox_offset=offset)
    (tmp_path / "x.nii").write_bytes(made.binaryblock + bytes(1000))
    with pytest.raises(InputError, match=f"vox_offset is {offset}, where the pixels") as error:
        read_header(tmp_path / "x.nii", single=True)
    assert error.value.fix is None


@pytest.mark.parametrize(("offset", "words"), [(np.nan, "nan"), (np.inf, "inf"), (352.5, "352.5"), (-352.5, "-352.5")])
def test_an_offset_that_is_no_whole_number_is_refused(offset, words, tmp_path):
    for single in (True, False):
        (tmp_path / "x.nii").write_bytes(header(vox_offset=offset).binaryblock + bytes(1000))
        with pytest.raises(InputError, match=f"vox_offset is {words}, not a whole number"):
            read_header(tmp_path / "x.nii", single=single)


def test_half_of_a_pair_that_is_named_nii(tmp_path):
    made = nib.Nifti1Pair(np.zeros((4, 3, 2), np.int16), np.eye(4)).header
    (tmp_path / "x.nii").write_bytes(made.binaryblock + bytes(1000))
    with pytest.raises(InputError, match=r"vox_offset is 0, .*; name it .hdr"):
        read_header(tmp_path / "x.nii", single=True)
    assert read_header(tmp_path / "x.nii", single=False)[1] == []


def test_a_spacing_of_zero_is_not_made_one(tmp_path):
    def read(shape, pixdim):
        made = header(pixdim=[1, *pixdim, 1, 0, 0, 0], vox_offset=352)
        made.set_data_shape(shape)
        made["pixdim"][1:4] = pixdim
        (tmp_path / "x.nii").write_bytes(made.binaryblock)
        found, problems = read_header(tmp_path / "x.nii", single=True)
        return found["pixdim"][1:4].tolist(), problems

    assert read((4, 3, 2), [0, 2, 3]) == ([0, 2, 3], [])
    found, problems = read((4, 3, 1), [1.5, 2, 0])
    assert found == [1.5, 2, 1]
    assert problems == ["header: no spacing is stated along an axis of one voxel; 1 is used"]
    found, problems = read((4, 3, 2), [1.5, -2, 3])
    assert found == [1.5, 2, 3]
    assert "should be positive" in problems[0]


@pytest.mark.parametrize(
    ("slope", "inter", "expected"),
    [
        (2, -5, (2, -5, [])),
        (0, -5, (1, 0, [])),
        (np.nan, np.nan, (1, 0, [])),
        (np.inf, 0, (1, 0, ["the slope is infinite: stored values are used"])),
        (-np.inf, 0, (1, 0, ["the slope is infinite: stored values are used"])),
    ],
)
def test_scaling(slope, inter, expected, tmp_path):
    assert scaling(header(scl_slope=slope, scl_inter=inter), tmp_path) == expected


@pytest.mark.parametrize("inter", [np.nan, np.inf])
def test_a_slope_without_its_intercept_is_refused(inter, tmp_path):
    with pytest.raises(InputError, match="scl_slope is 2, but scl_inter is not a number"):
        scaling(header(scl_slope=2, scl_inter=inter), tmp_path)


@pytest.mark.parametrize(("unit", "word"), [("hz", "Hz"), ("ppm", "ppm"), ("rads", "rad/s")])
def test_an_axis_of_frequencies_is_not_time(unit, word, tmp_path):
    made = header(pixdim=[1, 1, 1, 1, 2, 0, 0, 0])
    made.set_xyzt_units("mm", unit)
    assert time(made, 5, tmp_path / "x.nii") == (None, "unknown", [f"the fourth axis is in {word}, so it is not time"])
