import shutil
import struct
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from dicom_making import TEST_FILES, enhanced, instance, placed, save, save_all
from real_data import real
from vesalius.errors import CorruptFileError, OutputError, VesaliusError
from vesalius.scan.dicom.privacy import remapped_uid
from vesalius.scan.dicom.series import list_series
from vesalius.scan.dicom.values import quiet
from vesalius.scan.dicom.write import restore
from vesalius.scan.native import LossyNote
from vesalius.scan.pixels import ArrayPixels

KEY = b"secret"
NOTE = LossyNote(ratio=23.456789, method="jpeg2000")
MODES = ("default", "keep", "strip")
READABLE = [
    "CT_small.dcm",
    "ExplVR_BigEnd.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "JPGExtended.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "SC_rgb_jpeg.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
    "image_dfl.dcm",
    "liver_expb_1frame.dcm",
    "rtdose_expb.dcm",
]


def opened(paths):
    (found,) = list_series(paths)[0]
    return found.open()


def written(scan, target, mode="default", pixels=None, lossy=None):
    """Pack and restore; returns the files written."""
    packed = scan.native.pack(mode, None if mode == "keep" else KEY)
    restore(packed, pixels or scan.pixels, target, lossy)
    files = sorted(target.iterdir()) if target.is_dir() else [target]
    for path in (files[0], files[-1]):
        check_with_dcmdump(path)
    return files


def check_with_dcmdump(path):
    program = shutil.which("dcmdump")
    if program is None:
        return
    done = subprocess.run([program, "-q", path], capture_output=True, encoding="latin-1", check=False)
    assert done.returncode == 0, done.stderr
    assert "W:" not in done.stderr
    assert "E:" not in done.stderr


def assert_same(before, after):
    """Same stored values, geometry, time and intensity map."""
    assert (after.shape, after.dtype, after.colour) == (before.shape, before.dtype, before.colour)
    np.testing.assert_array_equal(after.stored(), before.stored())
    assert (after.frame_ms, after.t_meaning) == (before.frame_ms, before.t_meaning)
    np.testing.assert_array_equal(after.intensity.slope_TK, before.intensity.slope_TK)
    np.testing.assert_array_equal(after.intensity.inter_TK, before.intensity.inter_TK)
    assert (after.geometry is None) == (before.geometry is None)
    if before.geometry is not None:
        np.testing.assert_array_equal(after.geometry.origins_K3, before.geometry.origins_K3)
        np.testing.assert_array_equal(after.geometry.steps_i_K3, before.geometry.steps_i_K3)
        np.testing.assert_array_equal(after.geometry.steps_j_K3, before.geometry.steps_j_K3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", READABLE)
def test_one_file_comes_back_as_one_file(tmp_path, name, mode):
    scan = opened([TEST_FILES / name])
    (path,) = written(scan, tmp_path / "out.dcm", mode)
    assert_same(scan, opened([path]))
    data = dcmread(path)
    assert data.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
    assert data.pixel_array.size == np.prod(scan.shape)
    with quiet():
        source = dcmread(TEST_FILES / name)
    assert data.get("NumberOfFrames", 1) == source.get("NumberOfFrames", 1)
    expected = source.SOPInstanceUID if mode == "keep" else remapped_uid(source.SOPInstanceUID, KEY)
    assert expected == data.SOPInstanceUID


def cine_files(folder):
    draw = np.random.default_rng(0)
    many = [
        placed(
            draw.integers(0, 4000, (5, 4), dtype=np.int16),
            (0, 1, 8 * k),
            number=1 + t + 10 * k,
            sop_class=MRImageStorage,
            TriggerTime=30.5 * t,
        )
        for k in (2, 0, 1)
        for t in (1, 0)
    ]
    return save_all(many, folder), many


@pytest.mark.parametrize("mode", MODES)
def test_a_cine_comes_back_as_a_folder_of_instances(tmp_path, mode):
    paths, many = cine_files(tmp_path / "in")
    scan = opened(paths)
    files = written(scan, tmp_path / "out", mode)
    assert len(files) == len(many)
    assert_same(scan, opened(files))
    by_uid = {data.SOPInstanceUID: data for data in map(dcmread, files)}
    for source in many:
        uid = source.SOPInstanceUID if mode == "keep" else remapped_uid(source.SOPInstanceUID, KEY)
        assert by_uid[uid].PixelData == source.PixelData
        assert by_uid[uid].TriggerTime == source.TriggerTime


@pytest.mark.parametrize("mode", MODES)
def test_enhanced_stays_one_multi_frame_instance(tmp_path, mode):
    frames = np.random.default_rng(0).integers(-99, 99, (4, 3, 5), dtype=np.int16)
    data = enhanced(frames, [(5, 2, 41, 4), (0, 1, 12, 1), (5, 1, 12, 3), (0, 2, 41, 2)])
    scan = opened([save(data, tmp_path / "a.dcm")])
    assert scan.shape == (1, 2, 5, 3, 2)
    (path,) = written(scan, tmp_path / "b.dcm", mode)
    assert_same(scan, opened([path]))
    np.testing.assert_array_equal(dcmread(path).pixel_array, frames)


def test_irregular_series_keep_every_instance(tmp_path):
    paths, _ = cine_files(tmp_path / "in")
    scan = opened(paths[1:])
    assert scan.shape[1] == 1
    files = written(scan, tmp_path / "out")
    assert len(files) == len(paths) - 1
    assert_same(scan, opened(files))


def test_text_of_every_character_set_is_kept_byte_for_byte(tmp_path):
    many = []
    for n, (charset, name) in enumerate([("ISO_IR 192", "Ünal^Ödön"), ("ISO_IR 100", "Müller^Jörg")]):
        data = placed(np.zeros((2, 2), np.int16), (0, 0, n), number=n, SpecificCharacterSet=charset, PatientName=name)
        block = data.private_block(0x7FE1, "AFTER THE PIXELS", create=True)
        block.add_new(1, "LO", f"Größe {n}")
        many.append(data)
    scan = opened(save_all(many, tmp_path / "in"))
    for path, source in zip(written(scan, tmp_path / "out", "keep"), many, strict=True):
        assert dcmread(path) == source


TRACES = (b"PLANTED", b"19770707", b"20170707", b"070707", b"1.2.3.4.")


def test_no_trace_of_the_patient_in_any_byte(tmp_path):
    many = []
    for n in range(3):
        data = placed(np.full((5, 5), n, np.int16), (0, 0, 3 * n), number=n)
        data.preamble = b"PLANTED in the preamble".ljust(128, b"\0")
        data.PatientBirthDate, data.StudyDate, data.ContentTime = "19770707", "20170707", "070707.5"
        data.InstitutionName = data.StudyDescription = data.ImageComments = data.ProtocolName = "PLANTED"
        data.ReferringPhysicianName = data.OperatorsName = "PLANTED^DOCTOR"
        data.DeviceSerialNumber = data.StationName = data.ConvolutionKernel = "PLANTED"
        data.AcquisitionDateTime = "20170707070707"
        block = data.private_block(0x0029, "PLANTED CREATOR", create=True)
        block.add_new(1, "LO", "PLANTED")
        data.add_new(0x60003000, "OW", b"PLANTED.")
        many.append(data)
    scan = opened(save_all(many, tmp_path / "in"))
    for mode in ("default", "strip"):
        for path in written(scan, tmp_path / mode, mode):
            raw = path.read_bytes()
            assert [trace for trace in TRACES if trace in raw or trace in path.name.encode()] == []
            data = dcmread(path)
            assert data.PatientIdentityRemoved == "YES"
            for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyID"):
                assert keyword in data
                assert not data[keyword].value
    kept = written(scan, tmp_path / "keep", "keep")[0].read_bytes()
    assert kept.count(b"PLANTED") > 8


def test_lossy_instances_say_so_and_are_new(tmp_path):
    paths, many = cine_files(tmp_path / "in")
    scan = opened(paths)
    pixels = ArrayPixels(scan.stored() // 4 * 4)
    files = written(scan, tmp_path / "out", pixels=pixels, lossy=NOTE)
    again = written(scan, tmp_path / "again", pixels=pixels, lossy=NOTE)
    mapped = {remapped_uid(data.SOPInstanceUID, KEY) for data in many}
    uids = set()
    for path in files:
        data = dcmread(path)
        uids.add(data.SOPInstanceUID)
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert data.LossyImageCompression == "01"
        assert data.LossyImageCompressionRatio == pytest.approx(23.456789, rel=1e-4)
        assert data.LossyImageCompressionMethod == "ISO_15444_1"
        assert data.ImageType == ["DERIVED", "PRIMARY", "AXIAL"]
        assert "lossy" in data.DerivationDescription
    assert len(uids) == len(many)
    assert not uids & mapped
    assert uids == {dcmread(path).SOPInstanceUID for path in again}
    np.testing.assert_array_equal(opened(files).stored(), pixels.read())


def test_a_second_loss_is_added_to_the_first(tmp_path):
    data = placed(
        np.zeros((3, 3), np.int16),
        (0, 0, 0),
        LossyImageCompression="01",
        LossyImageCompressionRatio="10",
        LossyImageCompressionMethod="ISO_10918_1",
    )
    scan = opened([save(data, tmp_path / "a.dcm")])
    (path,) = written(scan, tmp_path / "b.dcm", lossy=LossyNote(3, "svtav1"))
    again = dcmread(path)
    assert list(again.LossyImageCompressionRatio) == [10, 3]
    assert list(again.LossyImageCompressionMethod) == ["ISO_10918_1", "AV1"]


def test_lossy_frames_of_an_enhanced_instance_are_derived(tmp_path):
    data = enhanced(np.zeros((2, 3, 5), np.int16), [(0, 1, 0, 1), (5, 1, 0, 1)])
    kind = instance(np.zeros((1, 1), np.int16), FrameType=["ORIGINAL", "PRIMARY", "CINE", "NONE"])
    for group in data.PerFrameFunctionalGroupsSequence:
        group.MRImageFrameTypeSequence = [type(group)()]
        group.MRImageFrameTypeSequence[0].FrameType = kind.FrameType
    scan = opened([save(data, tmp_path / "a.dcm")])
    (path,) = written(scan, tmp_path / "b.dcm", lossy=NOTE)
    for group in dcmread(path).PerFrameFunctionalGroupsSequence:
        assert group.MRImageFrameTypeSequence[0].FrameType == ["DERIVED", "PRIMARY", "CINE", "NONE"]


@settings(max_examples=12)
@given(
    dtype=st.sampled_from(["u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", ">i2", "<f4", "<f8"]),
    seed=st.integers(0, 999),
)
def test_pixels_of_another_dtype_are_described(tmp_path_factory, dtype, seed):
    folder = tmp_path_factory.mktemp("w")
    scan = opened([save(placed(np.zeros((3, 5), np.int16), (0, 0, 0), BitsStored=12, HighBit=11), folder / "a.dcm")])
    draw = np.random.default_rng(seed)
    wide = np.dtype(dtype)
    if wide.kind == "f":
        array = draw.normal(size=(1, 1, 5, 3, 1)).astype(wide)
    else:
        limits = np.iinfo(wide)
        array = draw.integers(limits.min, limits.max, (1, 1, 5, 3, 1), dtype=wide.newbyteorder("="), endpoint=True)
    (path,) = written(scan, folder / "b.dcm", pixels=ArrayPixels(array.astype(wide)))
    again = opened([path])
    assert again.dtype == wide.newbyteorder("<")
    np.testing.assert_array_equal(again.stored(), array)


def test_values_beyond_the_stored_bits_widen_them(tmp_path):
    data = placed(np.full((2, 2), 100, np.uint16), (0, 0, 0), BitsStored=12, HighBit=11)
    scan = opened([save(data, tmp_path / "a.dcm")])
    (path,) = written(scan, tmp_path / "b.dcm", pixels=ArrayPixels(np.full((1, 1, 2, 2, 1), 4096, np.uint16)))
    assert (dcmread(path).BitsStored, dcmread(path).HighBit) == (16, 15)
    (path,) = written(scan, tmp_path / "c.dcm", pixels=ArrayPixels(np.full((1, 1, 2, 2, 1), 4095, np.uint16)))
    assert (dcmread(path).BitsStored, dcmread(path).HighBit) == (12, 11)


def test_half_precision_is_refused(tmp_path):
    scan = opened([save(placed(np.zeros((2, 2), np.int16), (0, 0, 0)), tmp_path / "a.dcm")])
    with pytest.raises(OutputError, match="float16"):
        written(scan, tmp_path / "b.dcm", pixels=ArrayPixels(np.zeros((1, 1, 2, 2, 1), np.float16)))


def test_mixed_masks_become_bytes(tmp_path):
    scan = opened([TEST_FILES / "liver_1frame.dcm"])
    array = scan.stored().copy()
    (path,) = written(scan, tmp_path / "same.dcm")
    assert dcmread(path).BitsAllocated == 1
    array[0, 0, 0, 0, 0] = 7
    (path,) = written(scan, tmp_path / "other.dcm", pixels=ArrayPixels(array))
    assert dcmread(path).BitsAllocated == 8
    np.testing.assert_array_equal(opened([path]).stored(), array)


def test_headers_that_do_not_fit_are_refused(tmp_path):
    paths, _ = cine_files(tmp_path / "in")
    scan = opened(paths)
    packed = scan.native.pack("default", KEY)
    with pytest.raises(CorruptFileError, match="do not fit"):
        restore(packed, ArrayPixels(np.zeros((1, 1, 4, 5, 3), np.int16)), tmp_path / "a", None)
    with pytest.raises(CorruptFileError, match="one file cannot hold"):
        restore(replace(packed, folder=False), scan.pixels, tmp_path / "b", None)
    twice = np.frombuffer(packed.blobs["order"], "<u4").copy()
    twice[0] = twice[2]
    with pytest.raises(CorruptFileError, match="order"):
        restore(replace(packed, blobs={**packed.blobs, "order": twice.tobytes()}), scan.pixels, tmp_path / "c", None)


@pytest.fixture(scope="module")
def two_slices(tmp_path_factory):
    """A packed series of two slices with its pixels, and a folder."""
    folder = tmp_path_factory.mktemp("two")
    many = [placed(np.full((3, 2), n, np.int16), (0, 0, n), number=n) for n in range(2)]
    scan = opened(save_all(many, folder / "in"))
    return scan.native.pack("default", KEY), ArrayPixels(scan.stored()), folder


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_blobs_are_one_line(two_slices, data):
    packed, pixels, folder = two_slices
    name = data.draw(st.sampled_from(sorted(packed.blobs)))
    blob = bytearray(packed.blobs[name])
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    damaged = replace(packed, blobs={**packed.blobs, name: bytes(blob[: data.draw(st.integers(0, len(blob)))])})
    told = ""
    try:
        restore(damaged, pixels, folder / "out", None)
    except VesaliusError as error:
        told = str(error)
    assert "\n" not in told


def test_file_names_are_numbers_in_the_order_of_the_slices(tmp_path):
    paths, _ = cine_files(tmp_path / "in")
    files = written(opened(paths), tmp_path / "out")
    assert [path.name for path in files] == [f"{n:04d}.dcm" for n in range(1, 7)]
    places = [(dcmread(path).ImagePositionPatient[2], dcmread(path).TriggerTime) for path in files]
    assert places == sorted(places)


def test_the_pixel_element_ends_the_file_even(tmp_path):
    scan = opened([TEST_FILES / "SC_rgb_small_odd.dcm"])
    (path,) = written(scan, tmp_path / "a.dcm")
    raw = path.read_bytes()
    assert raw[-28:-1] == dcmread(path).PixelData[:27]
    assert struct.unpack("<L", raw[-32:-28]) == (28,)


@pytest.mark.data
@pytest.mark.parametrize("folder", ["ct-head-tilted-dicom", "ct-body/example_ct_dicom", "cine-sunnybrook-dicom"])
def test_real_series_come_back_exactly(tmp_path, folder):
    scan = opened(sorted(path for path in real(folder).rglob("*") if path.is_file()))
    assert_same(scan, opened(written(scan, tmp_path / "out")))
