import numpy as np
import pydicom
import pytest

from dicom_making import TEST_FILES, instance, save
from vesalius.cohort.build import build_cohort
from vesalius.cohort.read import open_image
from vesalius.errors import InputError
from vesalius.scan.uid_key import uid_key


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder / "vesalius" / "uid.key"


def write(path, series, k=0, patient="4711", rows=None):
    data = pydicom.dcmread(TEST_FILES / "MR_small.dcm")
    data.SeriesInstanceUID, data.SOPInstanceUID = series, f"{series}.{k + 1}"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.InstanceNumber, data.ImagePositionPatient, data.PatientID = k + 1, [0, 0, 5 * k], patient
    if rows:
        data.PixelData, data.Rows = data.pixel_array[:rows].tobytes(), rows
    path.parent.mkdir(exist_ok=True)
    data.save_as(path)
    return data


def test_a_series_is_found_again_by_the_hash_of_its_uid(tmp_path, home):
    folder = tmp_path / "d"
    arrays = {}
    for number, series in enumerate(("1.2.840.1", "1.2.840.2")):
        many = [write(folder / f"{number}{k}.dcm", series, k).pixel_array for k in range(number + 2)]
        arrays[len(many)] = many[0]
    cohort = build_cohort("dicom", folder, ["hash_uids=true"])
    plain = build_cohort("dicom", folder)
    assert home.exists()
    assert [case.series for case in plain] == ["1.2.840.1", "1.2.840.2"]
    assert "the manifest holds series UIDs unchanged; hash_uids=true writes keyed hashes" in plain.notes
    assert not any("series UIDs" in note for note in cohort.notes)
    assert {case.series[:5] for case in cohort} == {"2.25."}
    assert cohort.cases[0].patient == cohort.cases[1].patient != plain.cases[0].patient
    for case in cohort:
        scan = open_image(cohort, case, "image")
        assert scan.shape[4] == case.facts["instances"]
        np.testing.assert_array_equal(scan.stored()[0, 0, :, :, 0].T, arrays[scan.shape[4]])
    home.write_bytes(bytes(32))  # the key of another user
    with pytest.raises(InputError, match=r"holds 0 series that end in 2\.25\..*; build the manifest again"):
        open_image(cohort, cohort.cases[0], "image")
    home.unlink()
    with pytest.raises(InputError, match="holds 0 series"):
        open_image(cohort, cohort.cases[0], "image")
    assert not home.exists()  # reading makes no key
    assert uid_key() != bytes(32)


def test_what_is_left_out_or_mixed_is_told(tmp_path):
    for k in range(2):
        write(tmp_path / f"{k}.dcm", "1.2.3", k, patient=f"P{k}")
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "0.dcm").read_bytes()[:150])
    notes = build_cohort("dicom", tmp_path).notes
    assert "unreadable files, left out: 1 (cut.dcm); cut.dcm was cut within its header" in notes
    assert "series whose instances name several patients, filed under that of the first file: 1" in notes
    assert not any("P0" in note or "P1" in note for note in notes)


def test_a_second_stack_of_a_series_is_told(tmp_path):
    """Pictures of another size in one series: the first stack is opened, and the reader is told of the other."""
    for k in range(3):
        write(tmp_path / "d" / f"{k}.dcm", "1.2.3", k)
    write(tmp_path / "d" / "x.dcm", "1.2.3", 9, rows=32)
    cohort = build_cohort("dicom", tmp_path)
    (case,) = cohort
    scan = open_image(cohort, case, "image")
    assert scan.shape[4] == 3
    assert "1 more stack(s) of the series, of other size or kind, are not read" in scan.problems
    second = case.model_copy(update={"series": "1.2.3#2"})
    assert open_image(cohort, second, "image").shape[2:] == (64, 32, 1)


def test_each_radiograph_is_a_case_with_its_facts(tmp_path):
    """A frontal and a lateral picture in one series of a child; free text in a coded place is left out."""
    stated = [
        {"ViewPosition": "PA", "PatientAge": "018M", "Laterality": "L"},
        {"ViewPosition": "LL", "PatientAge": "061Y", "ImageLaterality": "R", "Laterality": "L"},
        {"ViewPosition": "DOE 1", "PatientAge": "", "PatientSex": ""},
    ]
    for number, attributes in enumerate(stated):
        plain = {"Modality": "DX", "PatientSex": "F", "SeriesInstanceUID": "1.2.3"}
        save(
            instance(np.full((4, 4), number, np.uint16), number=number + 1, **plain | attributes),
            tmp_path / f"{number}.dcm",
        )
    save(
        instance(np.ones((4, 4), np.uint16), Modality="CR", SeriesInstanceUID="1.2.9", ViewPosition="AP"),
        tmp_path / "z.dcm",
    )
    cohort = build_cohort("dicom", tmp_path)
    assert [case.id for case in cohort] == ["series-00001-1", "series-00001-2", "series-00001-3", "series-00002"]
    common = {"instances": 1, "modality": "DX"}
    assert [case.facts for case in cohort] == [
        {**common, "view": "PA", "laterality": "L", "sex": "F", "age": 1.5},
        {**common, "view": "LL", "laterality": "R", "sex": "F", "age": 61},
        common,
        {"instances": 1, "modality": "CR", "view": "AP"},
    ]
    assert {case.series for case in cohort} == {None}
    assert len({case.patient for case in cohort}) == 1
    assert [open_image(cohort, case, "image").stored().max() for case in cohort] == [0, 1, 2, 1]
