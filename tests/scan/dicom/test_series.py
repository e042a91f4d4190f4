import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dicom_making import TEST_FILES, instance, placed, save, save_all
from real_data import real
from vesalius.errors import InputError
from vesalius.scan.dicom.series import list_series
from vesalius.scan.dicom.values import quiet


def flat(value=0):
    return np.full((4, 6), value, np.int16)


def files_of(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def test_two_series_in_one_folder_are_two(tmp_path):
    first = [placed(flat(n), (0, 0, n), SeriesNumber=2) for n in range(3)]
    second = [placed(flat(n), (0, 0, n), SeriesNumber=1, SeriesInstanceUID="1.9") for n in range(4)]
    paths = save_all([first[0], second[2], first[2], second[0], second[1], first[1], second[3]], tmp_path)
    found = list_series(paths)[0]
    assert [one.series_uid for one in found] == ["1.9", "1.2.3.4.50"]
    assert [one.open().shape[4] for one in found] == [4, 3]
    assert [one.name for one in found] == ["ct-series-1", "ct-series-2"]
    assert {one.path for one in found} == {tmp_path}


def test_other_sizes_of_one_series_are_stacks_of_their_own(tmp_path):
    many = [placed(flat(), (0, 0, n)) for n in range(3)] + [placed(np.zeros((8, 8), np.int16), (0, 0, 9))]
    found = list_series(save_all(many, tmp_path))[0]
    assert [(one.series_uid, one.open().shape) for one in found] == [
        ("1.2.3.4.50", (1, 1, 6, 4, 3)),
        ("1.2.3.4.50#2", (1, 1, 8, 8, 1)),
    ]


def test_a_slice_without_a_place_is_not_dropped_and_not_placed(tmp_path):
    many = [placed(flat(n), (0, 0, n)) for n in range(3)]
    del many[1].ImagePositionPatient
    stacks = [one.open() for one in list_series(save_all(many, tmp_path))[0]]
    assert [(scan.shape[4], scan.geometry is None) for scan in stacks] == [(2, False), (1, True)]


def test_without_a_uid_the_folder_decides(tmp_path):
    for name in ("a", "b"):
        save_all([placed(flat(n), (0, 0, n), SeriesInstanceUID="") for n in range(3)], tmp_path / name)
    found = list_series(files_of(tmp_path))[0]
    assert [(one.path.name, one.series_uid, one.open().shape[4]) for one in found] == [("a", None, 3), ("b", None, 3)]
    assert found[0].name != found[1].name


def test_clips_without_a_place_stay_apart(tmp_path):
    clips = [instance(np.zeros((3, 4, 6), np.uint8), number=n, FrameTime=40) for n in range(2)]
    assert [one.open().shape for one in list_series(save_all(clips, tmp_path))[0]] == [(1, 3, 6, 4, 1)] * 2


def test_a_tree_with_a_directory_file_and_other_files(tmp_path):
    shutil.copytree(TEST_FILES / "dicomdirtests", tmp_path / "tree")
    (tmp_path / "tree" / "notes.txt").write_text("nothing")
    (tmp_path / "tree" / "empty").write_bytes(b"")
    found = list_series(files_of(tmp_path))[0]
    pictures = []
    for path in files_of(TEST_FILES / "dicomdirtests"):
        with quiet():
            data = dcmread(path, force=True)
        if "PixelData" in data:
            pictures.append((str(data.SeriesInstanceUID), data.Rows, data.Columns))
    assert sum(one.open().shape[1] * one.open().shape[4] for one in found) == len(pictures)
    assert {one.series_uid.split("#")[0] for one in found} == {uid for uid, _, _ in pictures}


def test_what_is_no_picture_is_passed_over(tmp_path):
    names = ("reportsi.dcm", "rtplan.dcm", "rtstruct.dcm", "waveform_ecg.dcm", "README.txt")
    assert list_series([TEST_FILES / name for name in names])[0] == []
    assert list_series([tmp_path / "absent.dcm", tmp_path / "absent"])[0][0].format == "dicom"


def test_a_damaged_picture_is_found_and_says_so_when_opened(tmp_path):
    paths = save_all([placed(flat(n), (0, 0, n)) for n in range(3)], tmp_path)
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    good, bad = list_series(paths)[0]
    assert good.open().shape[4] == 2
    assert bad.path == paths[1]
    with pytest.raises(InputError, match=r"1\.dcm: the header promises 48 bytes of pixels, but the file has 47"):
        bad.open()


def test_names_hold_no_patient(tmp_path):
    many = [placed(flat(n), (0, 0, n)) for n in range(3)]
    (found,) = list_series(save_all(many, tmp_path / "PLANTED NAME"))[0]
    assert found.name == "ct-series"
    (alone,) = list_series([save(placed(flat(), (0, 0, 0)), tmp_path / "IMG0001")])[0]
    assert alone.name == "IMG0001"


@pytest.mark.data
def test_the_cine_series_equals_simpleitk_in_world_coordinates():
    sitk = pytest.importorskip("SimpleITK")
    paths = files_of(real("cine-sunnybrook-dicom"))
    (found,) = list_series(paths)[0]
    scan = found.open()
    assert scan.shape == (1, 20, 256, 256, 11)
    assert (scan.modality, scan.t_meaning, scan.grid_problem) == ("MR", "time", None)
    by_time = {}
    for path in paths:
        with quiet():
            data = dcmread(path, stop_before_pixels=True)
        by_time.setdefault(float(data.TriggerTime), []).append(path)
    assert scan.frame_ms == tuple(sorted(by_time))
    draw = np.random.default_rng(0)
    for t in (0, 7, 19):
        names = [str(path) for path in by_time[scan.frame_ms[t]]]
        draw.shuffle(names)
        heights = {name: slice_height(sitk, name) for name in names}
        image = sitk.ReadImage(sorted(names, key=heights.__getitem__))
        voxels = np.stack([draw.integers(0, size, 2000) for size in scan.shape[2:]], axis=1)
        world_lps = (voxels @ scan.affine[:3, :3].T + scan.affine[:3, 3]) * [-1, -1, 1]
        theirs = [image.TransformPhysicalPointToContinuousIndex(point.tolist()) for point in world_lps]
        np.testing.assert_allclose(theirs, np.round(theirs), atol=0.01)  # positions are rounded in the file
        array_KJI = sitk.GetArrayViewFromImage(image)
        i, j, k = np.round(theirs).astype(int).T
        ours = scan.stored(t=slice(t, t + 1))[0, 0][tuple(voxels.T)]
        np.testing.assert_array_equal(ours, array_KJI[k, j, i])


def slice_height(sitk, name):
    """Position along the normal by SimpleITK's own header reading."""
    image = sitk.ReadImage(name)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return float(np.dot(image.GetOrigin(), direction[:, 2]))


@pytest.mark.data
def test_the_tilted_head_opens_as_a_stack_and_is_refused_as_a_grid():
    (found,) = list_series(files_of(real("ct-head-tilted-dicom")))[0]
    scan = found.open()
    assert scan.shape == (1, 1, 512, 512, 28)
    assert (scan.modality, scan.intensity.unit) == ("CT", "HU")
    assert scan.geometry.tilt_degrees == pytest.approx(18.5, abs=0.01)
    assert "gantry tilt" in scan.grid_problem
    assert "uneven" in scan.grid_problem
    assert (np.diff(scan.geometry.heights_mm) > 0).all()


@pytest.mark.data
def test_the_jpeg_2000_body_opens_in_hounsfield_units():
    sitk = pytest.importorskip("SimpleITK")
    paths = files_of(real("ct-body/example_ct_dicom"))
    (found,) = list_series(paths)[0]
    scan = found.open()
    assert scan.shape == (1, 1, 512, 512, 20)
    assert (scan.intensity.unit, scan.grid_problem) == ("HU", None)
    assert scan.problems == ()
    image = sitk.ReadImage(sorted(map(str, paths), key=lambda name: slice_height(sitk, name)))
    np.testing.assert_array_equal(scan.values()[0, 0], sitk.GetArrayFromImage(image).transpose(2, 1, 0))


def test_radiographs_of_a_series_are_separate_pictures(tmp_path):
    views = [instance(np.full((4, 4), n, np.uint16), number=n + 1, Modality="DX") for n in range(2)]
    found, _ = list_series(save_all(views, tmp_path))
    assert [scan.open().stored().max() for scan in found] == [0, 1]
    assert [scan.path.name for scan in found] == ["0.dcm", "1.dcm"]
