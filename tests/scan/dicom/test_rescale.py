import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_rescale
from pydicom.sequence import Sequence

from dicom_making import instance, item, save, sequence
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.rescale import Rescale, read_rescale
from vesalius.scan.dicom.values import quiet

STORED = np.arange(16, dtype=np.uint8).reshape(4, 4)


def stating(**attributes):
    return instance(STORED, BitsStored=4, HighBit=3, **attributes)


def table(entries, first=0, kind="HU"):
    return sequence(LUTDescriptor=[len(entries), first, 16], LUTData=list(entries), ModalityLUTType=kind)


def mapping(slope=2.5, inter=-10.0, **attributes):
    return item(RealWorldValueSlope=slope, RealWorldValueIntercept=inter, **attributes)


def test_slope_and_intercept_equal_pydicom():
    data = stating(RescaleSlope="0.5", RescaleIntercept="-1024", RescaleType="HU")
    found = read_rescale(data)
    np.testing.assert_array_equal(found.slope * STORED + found.inter, apply_rescale(STORED, data))
    assert (found.stated, found.unit, found.problem) == (True, "HU", "")


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"RescaleSlope": 1}, "RescaleIntercept is missing"),
        ({"RescaleIntercept": -1024}, "RescaleSlope is missing"),
        ({"RescaleIntercept": -1024, "RescaleSlope": 0}, "RescaleSlope is 0"),
        ({"DoseGridScaling": 0}, "DoseGridScaling is 0 or unreadable"),
    ],
)
def test_half_a_statement_is_a_problem(attributes, problem):
    assert read_rescale(stating(**attributes)) == Rescale(problem=problem)


@pytest.mark.parametrize("written", [b"1,25", b"one.", b"nan "])
def test_an_unreadable_statement_is_not_an_absent_one(tmp_path, written):
    path = save(stating(RescaleSlope="7.25", RescaleIntercept="-1024"), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes().replace(b"7.25", written))
    with quiet():
        assert read_rescale(dcmread(path)).problem == "RescaleSlope is unreadable"


def test_empty_attributes_state_nothing():
    assert read_rescale(stating(RescaleSlope="", RescaleIntercept="")) == Rescale()


def test_a_straight_lookup_table_equals_pydicom():
    data = stating(ModalityLUTSequence=table([100 + 3 * n for n in range(16)]))
    found = read_rescale(data)
    np.testing.assert_array_equal(found.slope * STORED + found.inter, apply_modality_lut(STORED, data))
    assert (found.slope, found.inter, found.unit, found.stated) == (3, 100, "HU", True)


@pytest.mark.parametrize("kind", ["<u2", "u1"])
def test_the_words_of_a_table_may_come_as_bytes(tmp_path, kind):
    lines = table([], kind="HU")
    lines[0].LUTDescriptor = [16, 0, 8 * np.dtype(kind).itemsize]
    lines[0].add_new("LUTData", "OW", (5 + 2 * np.arange(16)).astype(kind).tobytes())
    data = dcmread(save(stating(ModalityLUTSequence=lines), tmp_path / "a.dcm"))
    assert (read_rescale(data).slope, read_rescale(data).inter) == (2, 5)


@pytest.mark.parametrize(
    ("entries", "first", "problem"),
    [
        ([n * n for n in range(16)], 0, "not a straight line"),
        ([7] * 16, 0, "not a straight line"),
        ([3 * n for n in range(8)], 0, "does not cover all stored values"),
        ([3 * n for n in range(16)], 4, "does not cover all stored values"),
    ],
)
def test_other_lookup_tables_are_problems(entries, first, problem):
    found = read_rescale(stating(ModalityLUTSequence=table(entries, first)))
    assert problem in found.problem
    assert not found.stated


def test_a_lookup_table_beside_slope_and_intercept_is_noted():
    data = stating(RescaleSlope=2, RescaleIntercept=1, ModalityLUTSequence=table(range(16)))
    assert "kept but not applied" in read_rescale(data).note


def test_the_only_mapping_counts_if_it_is_a_line():
    units = sequence(CodeValue="[hnsf'U]")
    data = stating(RealWorldValueMappingSequence=Sequence([mapping(MeasurementUnitsCodeSequence=units)]))
    found = read_rescale(data)
    assert (found.slope, found.inter, found.stated, found.unit) == (2.5, -10, True, "HU")
    assert "only statement" in found.note


def test_the_line_of_a_mapping_table_is_found():
    one = item(
        RealWorldValueLUTData=[5.0, 5.5, 6.0, 6.5],
        DoubleFloatRealWorldValueFirstValueMapped=2.0,
        DoubleFloatRealWorldValueLastValueMapped=5.0,
    )
    found = read_rescale(stating(RealWorldValueMappingSequence=Sequence([one])))
    assert (found.slope, found.inter) == (0.5, 4.0)
    assert "made for stored values from 2 to 5" in found.note


@pytest.mark.parametrize(
    "mappings",
    [
        [mapping(), mapping(slope=3.0)],
        [mapping(slope=0.0)],
        [item(RealWorldValueLUTData=[1.0, 4.0, 9.0], DoubleFloatRealWorldValueFirstValueMapped=0.0)],
        [item(RealWorldValueSlope=1.0)],
    ],
)
def test_other_mappings_are_problems(mappings):
    found = read_rescale(stating(RealWorldValueMappingSequence=Sequence(mappings)))
    assert "not a single straight line" in found.problem


def test_a_mapping_that_contradicts_slope_and_intercept_is_noted_and_one_that_agrees_is_not():
    for inter, words in ((-10.0, ""), (0.0, "contradicts")):
        data = stating(RescaleSlope=2.5, RescaleIntercept=-10)
        data.RealWorldValueMappingSequence = Sequence([mapping(inter=inter)])
        found = read_rescale(data)
        assert (found.slope, found.inter) == (2.5, -10)
        assert words in found.note
        assert bool(words) is bool(found.note)


def test_a_mapping_without_a_known_unit_is_not_taken_for_hounsfield_units(tmp_path):
    data = stating(RealWorldValueMappingSequence=Sequence([mapping(slope=1.0, inter=-1000.0)]))
    facts = read_instance(save(data, tmp_path / "a.dcm"))
    assert (facts.modality, facts.unit) == ("CT", "")
    assert (facts.frames[0].rescale.slope, facts.frames[0].rescale.inter) == (1, -1000)
