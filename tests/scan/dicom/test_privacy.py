import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence

from dicom_making import instance, item, sequence
from vesalius.scan.dicom import privacy
from vesalius.scan.dicom.values import quiet

WORDLESS = {"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT", "OW", "OB", "DS", "IS", "CS", "UI", "SQ"}
"""Representations that cannot hold a sentence."""
CHECKED_WORDS = {"RescaleType", "ModalityLUTType", "StackID", "CodeValue", "CodingSchemeDesignator"}


@pytest.mark.parametrize("level", ["default", "strip"])
def test_every_allowed_attribute_exists_and_holds_no_free_text(level):
    for keyword in privacy.ALLOWED[level]:
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        free = set(dictionary_VR(tag).split(" or ")) - WORDLESS
        assert not free or keyword in CHECKED_WORDS, (keyword, free)


def test_strip_keeps_less_and_nothing_else():
    assert privacy.ALLOWED["strip"] < privacy.ALLOWED["default"]
    assert "EchoTime" in privacy.ALLOWED["strip"]
    assert "KVP" not in privacy.ALLOWED["strip"]


def test_no_attribute_of_the_patient_a_person_or_a_date_is_allowed():
    for keyword in privacy.ALLOWED["default"]:
        tag = tag_for_keyword(keyword)
        assert tag >> 16 != 0x0010, keyword
        assert dictionary_VR(tag) not in ("PN", "DA", "TM", "DT", "AS", "LT", "ST", "UT"), keyword


def planted(keyword, representation):
    """A value of the representation that names a patient."""
    return {
        "DA": "19770707",
        "TM": "070707.77",
        "DT": "19770707070707",
        "AS": "077Y",
        "UI": "1.7.7.7",
        "UR": "http://planted",
    }.get(representation, "PLANTED NAME")


def test_text_in_every_text_attribute_of_the_standard_is_dropped():
    data = Dataset()
    with quiet():
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
            if vr in ("PN", "LO", "SH", "ST", "LT", "UT", "UC", "DA", "TM", "DT", "AS", "UR") and keyword:
                data.add(DataElement(tag, vr, planted(keyword, vr)))
        kept = privacy.filtered(data, "default")
    assert len(kept) == 0


def test_text_in_the_wrong_place_is_dropped():
    data = Dataset()
    with quiet():
        for keyword, vr in (("RepetitionTime", "LO"), ("WindowCenter", "ST"), ("Rows", "LO")):
            data.add(DataElement(tag_for_keyword(keyword), vr, "PLANTED"))
        data.add(DataElement(tag_for_keyword("RescaleType"), "LO", "PLANTED"))
        data.add(DataElement(tag_for_keyword("Modality"), "CS", "DOE^JOHN"))
        data.add(DataElement(0x00291010, "LO", "PLANTED"))
        data.add(DataElement(0x60000022, "LO", "PLANTED"))
        kept = privacy.filtered(data, "default")
    assert len(kept) == 0


def test_unreadable_numbers_are_dropped():
    data = read_dataset(io.BytesIO(b"\x18\x00\x80\x00DS\x08\x00PLANTED \x18\x00\x81\x00DS\x02\x005 "), False, True)
    kept = privacy.filtered(data, "default")
    assert [element.keyword for element in kept] == ["EchoTime"]


def test_numbers_units_and_codes_are_kept():
    data = item(
        RescaleType="HU",
        WindowCenter=["40", "-1.5e2"],
        Modality="CT",
        Rows=7,
        TriggerTime="12.5",
        StackID="1",
        KVP="120",
    )
    assert privacy.filtered(data, "default") == data
    assert "KVP" not in privacy.filtered(data, "strip")


def test_items_are_filtered_as_their_data_set_is():
    data = item(
        RadiopharmaceuticalInformationSequence=sequence(
            Radiopharmaceutical="PLANTED", RadiopharmaceuticalStartTime="070707", RadionuclideHalfLife="6586.2"
        ),
        RequestAttributesSequence=sequence(ScheduledProcedureStepID="PLANTED"),
    )
    kept = privacy.filtered(data, "default")
    assert kept == item(RadiopharmaceuticalInformationSequence=sequence(RadionuclideHalfLife="6586.2"))


def test_labels_that_a_segmentation_needs_are_made_from_numbers():
    code = sequence(CodeValue="T-A0100", CodingSchemeDesignator="SRT", CodeMeaning="PLANTED")
    data = item(
        SegmentSequence=sequence(
            SegmentNumber=2,
            SegmentLabel="PLANTED",
            SegmentAlgorithmType="MANUAL",
            SegmentedPropertyTypeCodeSequence=code,
        )
    )
    (kept,) = privacy.filtered(data, "default").SegmentSequence
    assert kept.SegmentLabel == "Segment 2"
    assert kept.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Code T-A0100"


def test_the_source_is_left_as_it_is():
    data = instance(np.zeros((2, 2), np.int16))
    before = data.to_json()
    privacy.remap_uids(privacy.filtered(data, "default"), b"key")
    assert data.to_json() == before


def test_uids_are_mapped_alike_everywhere_and_standard_ones_stay():
    data = item(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.4",
        SOPInstanceUID="1.7.1",
        FrameOfReferenceUID="1.7.2",
        ReferencedImageSequence=Sequence(
            [item(ReferencedSOPClassUID="1.3.12.2.1107.5.9.1", ReferencedSOPInstanceUID="1.7.1")]
        ),
    )
    privacy.remap_uids(data, b"key")
    assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert data.ReferencedImageSequence[0].ReferencedSOPClassUID == "1.3.12.2.1107.5.9.1"
    assert data.ReferencedImageSequence[0].ReferencedSOPInstanceUID == data.SOPInstanceUID
    assert len({data.SOPInstanceUID, data.FrameOfReferenceUID, "1.7.1"}) == 3


@given(st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,6}){1,8}", fullmatch=True), st.binary(min_size=1, max_size=40))
def test_a_mapped_uid_is_valid_and_depends_on_the_key(uid, key):
    mapped = privacy.remapped_uid(uid, key)
    assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]*)", mapped)
    assert len(mapped) <= 64
    assert mapped == privacy.remapped_uid(uid + "\0", key)
    assert mapped != privacy.remapped_uid(uid, key + b"x")


def test_a_published_hmac_vector_is_met():
    # RFC 4231, test case 2: HMAC-SHA256 with the key "Jefe"
    digest = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    mapped = privacy.remapped_uid("what do ya want for nothing?", b"Jefe")
    assert mapped == f"2.25.{int.from_bytes(digest[:16], 'big')}"


@pytest.mark.parametrize(
    ("modality", "stated", "warned"),
    [("US", "", True), ("US", "NO", False), ("CT", "", False), ("CT", "YES", True), ("OT", "", True)],
)
def test_text_in_pixels_is_warned_about(modality, stated, warned):
    data = item(Modality=modality, BurnedInAnnotation=stated)
    assert (privacy.burned_in_warning(data) is not None) is warned
