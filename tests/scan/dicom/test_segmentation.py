"""DICOM SEG: on the slices of its source, voxel for voxel, and referring to them."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import MRImageStorage

from dicom_making import enhanced, placed, save, save_all
from vesalius.errors import GeometryError, InputError
from vesalius.scan.dicom.segmentation import Author, Referred
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.scan.write import write_scan

AUTHOR = Author("cine_unet", "ab" * 32, "Research use only, not a medical device.")
LABELS = {"LV": 3, "core": 7, "nowhere": 9}
COLUMNS, ROWS, SLICES = 7, 6, 5


def axes():
    """Row and column cosines of an oblique slice, and its normal."""
    draw = np.random.default_rng(3)
    q, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    row, column = np.round(q[:, 0], 6), np.round(q[:, 1], 6)
    return row, column, np.cross(row, column)


def oblique(folder, times=1, **attributes):
    """A series of oblique slices at each time; names and numbers of its files are in another order than the slices."""
    row, column, normal = axes()
    draw = np.random.default_rng(0)
    pixels_TKJI = draw.integers(0, 1000, (times, SLICES, ROWS, COLUMNS)).astype(np.int16)
    made = []
    for t in range(times):
        for k in range(SLICES):
            position = np.round([-20.5, 31.25, 7] + 2.5 * k * normal, 6)
            cosines = [*row, *column]
            time = {"TriggerTime": 40.0 * t} if times > 1 else {}
            facts = {"SeriesNumber": 4, "SOPClassUID": MRImageStorage, "Modality": "MR", **time, **attributes}
            made.append(placed(pixels_TKJI[t, k], position, cosines=cosines, spacing=(1.25, 0.75), **facts))
    for n, place in enumerate(draw.permutation(len(made)).tolist()):
        made[place].InstanceNumber = n + 1
        made[place].SOPInstanceUID = made[place].file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.5.{n + 1}"
        made[place].file_meta.MediaStorageSOPClassUID = MRImageStorage
        folder.mkdir(parents=True, exist_ok=True)
        save(made[place], folder / f"{n}.dcm")
    return open_scan(folder)


def random_map(scan):
    """A label map on a scan; the first slice has no label."""
    values = np.random.default_rng(1).choice([0, 0, 3, 7], scan.shape[1:]).astype(np.uint8)
    values[..., 0] = 0
    return Scan.from_array(values[None], scan.affine)


def written(scan, tmp_path, labels=LABELS):
    label_map = random_map(scan)
    paths = Referred(scan).write(label_map, labels, AUTHOR, tmp_path, "a")
    return label_map, [pydicom.dcmread(path) for path in paths]


def frames_of(segmentation):
    """(segment number, position, pixels, sources) of each frame, from the plain attributes."""
    pixels_NJI = np.atleast_3d(segmentation.pixel_array).reshape(-1, segmentation.Rows, segmentation.Columns)
    for group, frame_JI in zip(segmentation.PerFrameFunctionalGroupsSequence, pixels_NJI, strict=True):
        sources = [source for derivation in group.DerivationImageSequence for source in derivation.SourceImageSequence]
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        yield number, group.PlanePositionSequence[0].ImagePositionPatient, frame_JI, sources


def test_positions_orientation_spacing_and_every_voxel(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    pytest.importorskip("highdicom")
    scan = oblique(tmp_path / "series")
    label_map, (segmentation,) = written(scan, tmp_path)
    write_scan(label_map, tmp_path / "a.nii.gz")
    nifti = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "series")))
    source = reader.Execute()
    np.testing.assert_allclose(nifti.GetOrigin(), source.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(nifti.GetDirection(), source.GetDirection(), atol=1e-5)
    np.testing.assert_allclose(nifti.GetSpacing(), source.GetSpacing(), atol=1e-5)
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    row, column, _ = axes()
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [*row, *column]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [1.25, 0.75]
    assert float(shared.PixelMeasuresSequence[0].SpacingBetweenSlices) == pytest.approx(2.5, abs=1e-4)
    files = [pydicom.dcmread(path) for path in (tmp_path / "series").iterdir()]
    position_of = {file.SOPInstanceUID: file.ImagePositionPatient for file in files}
    found_IJK = np.zeros((COLUMNS, ROWS, SLICES), np.uint8)
    for number, position, frame_JI, sources in frames_of(segmentation):
        (referred,) = sources
        assert position == position_of[referred.ReferencedSOPInstanceUID]
        i, j, k = source.TransformPhysicalPointToIndex([float(x) for x in position])
        assert (i, j) == (0, 0)
        assert (found_IJK[:, :, k][frame_JI.T > 0] == 0).all()
        found_IJK[:, :, k][frame_JI.T > 0] = list(LABELS.values())[number - 1]
    np.testing.assert_array_equal(found_IJK, sitk.GetArrayFromImage(nifti).T)
    assert set(np.unique(found_IJK)) == {0, 3, 7}
    (path,) = tmp_path.rglob("*.seg*.dcm")
    frames_NJI = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))  # 0 and 255
    np.testing.assert_array_equal(frames_NJI > 0, segmentation.pixel_array > 0)


def test_highdicom_reads_the_same_volume(tmp_path):
    highdicom = pytest.importorskip("highdicom")
    scan = oblique(tmp_path / "series")
    label_map, _ = written(scan, tmp_path)
    volume = highdicom.seg.segread(tmp_path / "a.seg.dcm").get_volume(combine_segments=True)
    lps_to_ras = np.diag([-1.0, -1, 1, 1])
    affine_kji = lps_to_ras @ volume.affine
    inverse = np.linalg.inv(scan.affine) @ affine_kji  # (k, j, i) of the volume to (i, j, k) of the scan
    labels_IJK = label_map.stored()[0, 0]
    found = np.zeros_like(labels_IJK)
    for place in np.argwhere(volume.array):
        i, j, k, _ = np.rint(inverse @ [*place, 1]).astype(int)
        found[i, j, k] = list(LABELS.values())[volume.array[tuple(place)] - 1]
    np.testing.assert_array_equal(found, labels_IJK)
    on_grid = inverse @ [0, 0, 0, 1]
    np.testing.assert_allclose(on_grid, np.rint(on_grid), atol=1e-3)


def test_what_it_says_of_itself(tmp_path):
    pytest.importorskip("highdicom")
    names = {"PatientName": "Jérôme^Ødegård", "SpecificCharacterSet": "ISO_IR 100", "StudyDate": "20200102"}
    _, (made,) = written(oblique(tmp_path / "series", **names), tmp_path, LABELS | {"海马": 11})
    assert (made.Modality, made.SegmentationType, made.ContentQualification) == ("SEG", "BINARY", "RESEARCH")
    assert made.ContentDescription == made.SeriesDescription == "Research use only, not a medical device."
    assert (made.FrameOfReferenceUID, made.StudyInstanceUID) == ("1.2.3.4.48", "1.2.3.4.49")
    assert (str(made.PatientName), made.PatientID, made.StudyDate) == ("Jérôme^Ødegård", "PLANTED-ID", "20200102")
    assert (made.SeriesInstanceUID != "1.2.3.4.50", made.SeriesNumber) == (True, 1004)
    (series,) = made.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "1.2.3.4.50"
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence} == {
        f"1.2.3.4.5.{n + 1}" for n in range(SLICES)
    }
    segments = made.SegmentSequence
    assert [(item.SegmentNumber, item.SegmentLabel) for item in segments] == [
        (1, "LV"), (2, "core"), (3, "nowhere"), (4, "海马"),
    ]  # fmt: skip
    codes = [item.SegmentedPropertyTypeCodeSequence[0] for item in segments]
    assert [(code.CodeValue, code.CodingSchemeDesignator) for code in codes[:3]] == [
        ("87878005", "SCT"), ("CORE", "99VESALIUS"), ("NOWHERE", "99VESALIUS"),
    ]  # fmt: skip
    assert (codes[3].CodeMeaning, len(codes[3].CodeValue)) == ("海马", 16)
    for item, value in zip(segments, (3, 7, 9, 11), strict=True):
        assert item.SegmentDescription == f"Value {value} of the label map. {AUTHOR.notice}"
        assert item.SegmentAlgorithmType == "AUTOMATIC"
        assert item.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "cine_unet"
    again = written(open_scan(tmp_path / "series"), tmp_path, LABELS | {"海马": 11})[1][0]
    assert (again.SOPInstanceUID, again.SeriesInstanceUID) == (made.SOPInstanceUID, made.SeriesInstanceUID)


def test_what_de_identification_leaves_is_left_out(tmp_path):
    pytest.importorskip("highdicom")
    facts = {"PatientBirthDate": "00000000", "StudyTime": "n/a", "PatientSex": "X", "StudyID": None}
    with pydicom.config.disable_value_validation():
        scan = oblique(tmp_path / "series", **facts)
    label_map, (made,) = written(scan, tmp_path)
    assert [made.PatientBirthDate, made.StudyTime, made.PatientSex, made.StudyID] == [""] * 4
    assert made.pixel_array.sum() == (label_map.stored() > 0).sum()


def test_nothing_found_is_a_segmentation_without_a_voxel(tmp_path):
    pytest.importorskip("highdicom")
    scan = oblique(tmp_path / "series")
    empty = Scan.from_array(np.zeros(scan.shape, np.uint8), scan.affine)
    (path,) = Referred(scan).write(empty, LABELS, AUTHOR, tmp_path, "a")
    made = pydicom.dcmread(path)
    assert made.pixel_array.sum() == 0
    assert len(made.SegmentSequence) == 3


def test_a_cine_has_a_file_for_each_time(tmp_path):
    pytest.importorskip("highdicom")
    scan = oblique(tmp_path / "series", times=3)
    assert scan.shape == (1, 3, COLUMNS, ROWS, SLICES)
    label_map, made = written(scan, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.dcm")) == [f"a.seg.t00{t}.dcm" for t in range(3)]
    files = {file.SOPInstanceUID: file for file in map(pydicom.dcmread, (tmp_path / "series").iterdir())}
    inverse = np.linalg.inv(scan.affine)
    for t, segmentation in enumerate(made):
        assert segmentation.InstanceNumber == t + 1
        assert segmentation.SeriesDescription == f"{AUTHOR.notice} Frame {t} (from 0) of 3."
        found_IJK = np.zeros((COLUMNS, ROWS, SLICES), np.uint8)
        for number, position, frame_JI, sources in frames_of(segmentation):
            source = files[sources[0].ReferencedSOPInstanceUID]
            assert (source.TriggerTime, source.ImagePositionPatient) == (40.0 * t, position)
            k = round((inverse @ [-position[0], -position[1], position[2], 1])[2])
            found_IJK[:, :, k][frame_JI.T > 0] = list(LABELS.values())[number - 1]
        np.testing.assert_array_equal(found_IJK, label_map.stored()[0, t])
    assert len({segmentation.SeriesInstanceUID for segmentation in made}) == 1
    assert len({segmentation.SOPInstanceUID for segmentation in made}) == 3


def test_a_multi_frame_cine_names_the_frames_of_its_file(tmp_path):
    pytest.importorskip("highdicom")
    places = [(z, t + 1, 50.0 * t, 1.0) for z in (6, 0, 3) for t in (1, 0)]
    pixels = np.random.default_rng(0).integers(0, 99, (6, 4, 5)).astype(np.uint16)
    save(enhanced(pixels, places), tmp_path / "e.dcm")
    scan = open_scan(tmp_path / "e.dcm")
    assert scan.shape == (1, 2, 5, 4, 3)
    label_map, made = written(scan, tmp_path)
    for t, segmentation in enumerate(made):
        found_IJK = np.zeros((5, 4, 3), np.uint8)
        for number, position, frame_JI, (source,) in frames_of(segmentation):
            z, index, *_ = places[source.ReferencedFrameNumber - 1]
            assert (position[2], index) == (z, t + 1)
            found_IJK[:, :, int(z // 3)][frame_JI.T > 0] = list(LABELS.values())[number - 1]
        np.testing.assert_array_equal(found_IJK, label_map.stored()[0, t])
        assert label_map.stored()[0, t].any()


def test_what_no_segmentation_can_refer_to(tmp_path):
    with pytest.raises(InputError, match="is no DICOM series, so no DICOM SEG can refer to it; leave out --dicom-seg"):
        Referred(Scan.from_array(np.zeros((4, 4, 2)), np.eye(4)))
    with pytest.raises(InputError, match="its files state no common frame of reference"):
        Referred(oblique(tmp_path / "a", FrameOfReferenceUID=None))
    uneven = [placed(np.zeros((4, 4), np.int16), (0, 0, z), number=n) for n, z in enumerate((0, 1, 5, 6.5))]
    save_all(uneven, tmp_path / "b")
    with pytest.raises(GeometryError, match="no DICOM SEG lies on its slices: the gaps between slices are uneven"):
        Referred(open_scan(tmp_path / "b"))
    scan = oblique(tmp_path / "c")
    smaller = Scan.from_array(np.zeros((4, 4, 2), np.uint8), np.eye(4))
    with pytest.raises(GeometryError, match="does not lie on the slices"):
        Referred(scan).write(smaller, LABELS, AUTHOR, tmp_path, "a")


def test_a_header_that_breaks_the_standard_is_one_line_without_its_values(tmp_path):
    pytest.importorskip("highdicom")
    scan = oblique(tmp_path / "series")
    for path in (tmp_path / "series").iterdir():
        header = pydicom.dcmread(path)
        del header.SOPClassUID
        header.save_as(path)
    with pytest.raises(InputError) as failure:
        written(scan, tmp_path)
    assert "no DICOM SEG can be made from its headers" in str(failure.value)
    assert "PLANTED" not in str(failure.value)
    assert not list(tmp_path.glob("*.dcm"))


def test_several_multi_frame_files(tmp_path):
    pixels = np.ones((2, 4, 5), np.uint16)
    folder = tmp_path / "series"
    folder.mkdir()
    for n in range(2):
        data = enhanced(pixels, [(3 * n, t + 1, 50.0 * t, 1.0) for t in range(2)], number=n + 1)
        save(data, folder / f"{n}.dcm")
    scan = open_scan(folder)
    assert scan.shape[1:] == (2, 5, 4, 2)
    with pytest.raises(InputError, match="its slices lie in several multi-frame files"):
        Referred(scan)
