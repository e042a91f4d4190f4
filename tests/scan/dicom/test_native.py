import io
import struct

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filereader import read_dataset
from pydicom.uid import MRImageStorage

from dicom_making import TEST_FILES, placed, save, save_all
from vesalius.codec.options import CompressConfig
from vesalius.errors import UsageError
from vesalius.scan.dicom.native import Attributes, is_counted
from vesalius.scan.dicom.privacy import remapped_uid
from vesalius.scan.dicom.series import list_series
from vesalius.scan.dicom.values import quiet
from vesalius.tasks.compress.decompress import decompress, verify
from vesalius.tasks.compress.run import compress


def headers(packed):
    """The data set of each instance, put together from the blobs without the package's own code."""
    found, rest = [], packed.blobs["own"]
    while rest:
        (length,) = struct.unpack("<L", rest[:4])
        data = read_dataset(io.BytesIO(packed.blobs["common"]), False, True)
        data.update(read_dataset(io.BytesIO(rest[4 : 4 + length]), False, True))
        found.append(data)
        rest = rest[4 + length :]
    return found


def packed_series(folder, mode="default", count=3, **attributes):
    many = [placed(np.full((3, 4), n, np.int16), (0, 0, 2 * n), number=9 - n, **attributes) for n in range(count)]
    (found,) = list_series(save_all(many, folder))[0]
    return found.open().native.pack(mode, b"secret"), many


def test_what_all_share_is_stored_once(tmp_path):
    packed, many = packed_series(tmp_path, count=5)
    common = read_dataset(io.BytesIO(packed.blobs["common"]), False, True)
    assert (common.Rows, common.Modality, common.PatientIdentityRemoved) == (3, "CT", "YES")
    assert "ImagePositionPatient" not in common
    assert [data.ImagePositionPatient[2] for data in headers(packed)] == [0, 2, 4, 6, 8]
    assert [data.SOPInstanceUID for data in headers(packed)] == [
        remapped_uid(data.SOPInstanceUID, b"secret") for data in many
    ]
    assert packed.facts == {"instances": 5, "shape": [1, 1, 4, 3, 5]}
    order = np.frombuffer(packed.blobs["order"], "<u4").reshape(1, 5, 2)
    assert order.tolist() == [[[n, 0] for n in range(5)]]
    assert packed.folder


def test_default_leaves_no_trace_of_the_patient(tmp_path):
    packed, _ = packed_series(tmp_path, StudyDescription="PLANTED", StudyDate="19770707", PatientBirthDate="19770707")
    blob = b"".join(packed.blobs.values())
    for trace in (b"PLANTED", b"19770707", b"1.2.3.4."):
        assert trace not in blob
    for data in headers(packed):
        assert data["PatientName"].value == ""
        assert data["PatientID"].value in ("", None)
        assert data.DeidentificationMethod


def test_keep_keeps_every_attribute_but_the_pixels(tmp_path):
    private = {"PatientComments": "räksmörgås", "SpecificCharacterSet": "ISO_IR 192", "StudyDate": "20200101"}
    packed, many = packed_series(tmp_path, mode="keep", **private)
    for kept, source in zip(headers(packed), many, strict=True):
        del source.PixelData
        assert kept == source
    assert any("every attribute" in warning for warning in packed.warnings)


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "examples_overlay.dcm", "SC_rgb_jpeg.dcm"],
)
def test_keep_carries_every_encoding_over(name):
    (found,) = list_series([TEST_FILES / name])[0]
    (kept,) = headers(found.open().native.pack("keep", None))
    with quiet():
        source = dcmread(TEST_FILES / name)
        for element in source:
            if element.tag in (0x7FE00010, 0xFFFCFFFC) or element.tag.element == 0:
                continue
            if element.keyword in ("PhotometricInterpretation", "PlanarConfiguration", "HighBit"):
                continue
            assert kept[element.tag].value == element.value, element.keyword


def test_words_of_big_endian_tables_are_swapped(tmp_path):
    table = np.arange(256, dtype=np.uint16)
    data = dcmread(TEST_FILES / "ExplVR_BigEnd.dcm")
    data.add_new(0x00281201, "OW", table.astype(">u2").tobytes())
    data.save_as(tmp_path / "a.dcm")
    (found,) = list_series([tmp_path / "a.dcm"])[0]
    for mode in ("keep", "default"):
        (kept,) = headers(found.open().native.pack(mode, b"secret"))
        np.testing.assert_array_equal(np.frombuffer(kept.RedPaletteColorLookupTableData, "<u2"), table)


def test_missing_uids_are_made_and_shared(tmp_path):
    many = [placed(np.zeros((3, 4), np.int16), (0, 0, n), number=n) for n in range(3)]
    for data in many:
        data.SOPInstanceUID = data.StudyInstanceUID = data.SeriesInstanceUID = data.SOPClassUID = ""
        data.file_meta.MediaStorageSOPInstanceUID = "1.2.7"
    paths = []
    for n, data in enumerate(many):
        path = tmp_path / f"{n}.dcm"
        data.save_as(path, enforce_file_format=False)
        path.write_bytes(path.read_bytes().replace(b"1.2.7\0", b"\0\0\0\0\0\0"))
        paths.append(path)
    (found,) = list_series(paths)[0]
    kept = headers(found.open().native.pack("default", b"secret"))
    assert len({data.SOPInstanceUID for data in kept}) == 3
    assert len({(data.StudyInstanceUID, data.SeriesInstanceUID) for data in kept}) == 1
    assert {data.SOPClassUID for data in kept} == {"1.2.840.10008.5.1.4.1.1.2"}


def test_times_by_the_clock_become_numbered_positions(tmp_path):
    many = [
        placed(
            np.zeros((3, 4), np.int16), (0, 0, 4 * k), number=2 * k + n, sop_class=MRImageStorage, AcquisitionTime=time
        )
        for k in range(2)
        for n, time in enumerate(("101005", "101000"))
    ]
    (found,) = list_series(save_all(many, tmp_path))[0]
    kept = headers(found.open().native.pack("default", b"secret"))
    assert [data.TemporalPositionIdentifier for data in kept] == [2, 1, 2, 1]
    assert [data.NumberOfTemporalPositions for data in kept] == [2] * 4
    assert "AcquisitionTime" not in kept[0]


def test_a_key_is_needed_where_uids_are_mapped(tmp_path):
    path = save(placed(np.zeros((3, 4), np.int16), (0, 0, 0)), tmp_path / "a.dcm")
    native = list_series([path])[0][0].open().native
    with pytest.raises(UsageError, match="key"):
        native.pack("default", None)
    assert native.pack("keep", None).folder is False


def test_text_in_ultrasound_pixels_is_warned_about():
    (found,) = list_series([TEST_FILES / "examples_ybr_color.dcm"])[0]
    assert any("text" in warning for warning in found.open().native.pack("default", b"k").warnings)


def test_dropped_attributes_that_must_be_present_are_empty(tmp_path):
    packed, _ = packed_series(tmp_path, mode="strip", KVP="120", PositionReferenceIndicator="PLANTED")
    for data in headers(packed):
        assert data.KVP is None
        assert data["PositionReferenceIndicator"].value in ("", None)


SHADES = [np.full((4, 5), n, np.int16) for n in range(3)]


def series(folder, **attributes):
    return save_all([placed(x, (0, 0, n), number=n + 1, **attributes) for n, x in enumerate(SHADES)], folder)


def with_value(data):
    """Attributes of a data set that hold something, counted with pydicom alone."""
    return {element.tag for element in data if element.value not in (None, "") and element.keyword != "PixelData"}


def test_every_attribute_is_kept_left_out_or_has_another_value(tmp_path):
    series(tmp_path / "in", StudyDescription="words", KVP=120, PatientComments="")
    (written,) = compress(
        [tmp_path / "in"], tmp_path / "a.vsl", CompressConfig(coder="deflate"), cache=tmp_path
    ).written
    (told,) = written.kept
    sources = [dcmread(path) for path in sorted((tmp_path / "in").iterdir())]
    decompress(tmp_path / "a.vsl", tmp_path / "out")
    stored = [dcmread(path) for path in sorted((tmp_path / "out").iterdir())]
    every = set.union(*map(with_value, sources))
    left_out = {tag for tag in every if any(tag not in with_value(data) for data in stored)}
    same = {
        tag
        for tag in every - left_out
        if all(one[tag].value == two[tag].value for one, two in zip(sources, stored, strict=True))
    }
    assert (told.kept, told.changed, told.left_out) == (len(same), len(every - left_out - same), len(left_out))
    assert min(told.kept, told.changed, told.left_out) > 2
    assert "--keep-identifiers" in told.cure
    again = verify(tmp_path / "a.vsl", tmp_path / "in").kept
    assert again == (told,)


def test_all_are_kept_with_identifiers(tmp_path):
    paths = series(tmp_path / "in", StudyDescription="words")
    (found,) = list_series(paths)[0]
    native = found.open().native
    packed = native.pack("keep", None)
    (kept,) = packed.kept
    assert (kept.changed, kept.left_out, kept.cure) == (0, 0, "")
    assert kept.kept == len(with_value(dcmread(paths[0])))
    assert kept.words == f"attributes: {kept.kept} kept"
    assert native.kept(packed) == (kept,)


def test_a_value_that_one_instance_lacks_is_not_kept():
    source, stored = dcmread(TEST_FILES / "CT_small.dcm"), dcmread(TEST_FILES / "CT_small.dcm")
    counted = Attributes()
    counted.add(source, stored)
    whole = counted.count()
    stored.PatientName = ""
    stored.SOPInstanceUID = "1.2.3"
    del stored.KVP
    counted.add(source, stored)
    now = counted.count()
    assert (now.kept, now.changed, now.left_out) == (whole.kept - 3, 1, 2)


def test_pixels_and_group_lengths_are_no_attributes():
    assert [is_counted(tag) for tag in (0x00100010, 0x00090010, 0x7FE00010, 0x00080000, 0xFFFCFFFC)] == [
        True, True, False, False, False,
    ]  # fmt: skip
