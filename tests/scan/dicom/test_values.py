import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_making import item, sequence
from vesalius.scan.dicom import values


def test_absent_and_empty_values_are_none():
    data = item(Modality="", PatientName="A^B")
    assert values.value(data, "Modality") is None
    assert values.value(data, "Rows") is None
    assert values.value(None, "Rows") is None
    assert values.text(data, "Modality") == ""
    assert values.numbers(data, "PixelSpacing") == ()


def test_numbers_come_from_every_numeric_representation():
    data = item(PixelSpacing=["0.5", "1e-1"], InstanceNumber="7", Rows=3, TableSpeed=1.25)
    assert values.numbers(data, "PixelSpacing") == (0.5, 0.1)
    assert values.integer(data, "InstanceNumber") == 7
    assert values.number(data, "Rows") == 3
    assert values.number(data, "TableSpeed") == 1.25


@given(st.sampled_from(["abc", "1\\x", "nan", "inf", "--1", "1e999"]))
def test_what_is_no_finite_number_is_left_out(text):
    with values.quiet():
        data = Dataset()
        data.add(DataElement(0x00280030, "LO", text))
        assert values.numbers(data, "PixelSpacing") == ()


def test_fractions_are_no_integers():
    assert values.integer(item(SliceThickness=2.5), "SliceThickness") is None


def test_items_of_what_is_no_sequence():
    data = item(PlanePositionSequence=sequence(ImagePositionPatient=[1, 2, 3]))
    assert values.numbers(values.item(data, "PlanePositionSequence"), "ImagePositionPatient") == (1, 2, 3)
    wrong = Dataset()
    wrong.add(DataElement(0x00209113, "LO", "text"))
    assert values.items(wrong, "PlanePositionSequence") == []


def test_clock_differences_are_milliseconds():
    first = item(AcquisitionDate="20240229", AcquisitionTime="235959.500")
    second = item(AcquisitionDate="20240301", AcquisitionTime="000001")
    times = [values.clock_ms(data, "AcquisitionDate", "AcquisitionTime") for data in (first, second)]
    assert times[1] - times[0] == pytest.approx(1500)
    moments = [
        values.moment_ms(item(AcquisitionDateTime=text), "AcquisitionDateTime")
        for text in ("20240229235959.5", "20240301000001+0100")
    ]
    assert moments[1] - moments[0] == pytest.approx(1500)


def test_blanked_dates_leave_the_time_of_day():
    with values.quiet():
        data = item(AcquisitionDate="20120000", AcquisitionTime="0100")
        assert values.clock_ms(data, "AcquisitionDate", "AcquisitionTime") == 3_600_000
        assert values.clock_ms(item(AcquisitionTime="later"), "AcquisitionDate", "AcquisitionTime") is None


def test_quiet_hides_warnings_and_leaves_none_behind():
    with values.quiet():
        item(StudyInstanceUID="1.02.3", PixelSpacing=["1.23456789012345678", "1"])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warnings.warn("still heard", UserWarning, stacklevel=1)
    assert len(seen) == 1


def test_quiet_in_many_threads_restores_the_filters():
    before = list(warnings.filters)

    def work(_):
        with values.quiet():
            item(StudyInstanceUID="1.02.3")
            assert values.text(item(Modality="CT"), "Modality") == "CT"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert warnings.filters == before
