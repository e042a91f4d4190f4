import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sequence import Sequence
from pydicom.uid import MRImageStorage

from dicom_making import enhanced, instance, item, placed, save, save_all, sequence
from real_data import real
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_scan, open_vsl, restore
from vesalius.codec.options import CompressConfig
from vesalius.scan.dicom.series import list_series
from vesalius.scan.open import find_scans
from vesalius.scan.reading import Reading

AXIAL, CORONAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)


def flat(value=0):
    return np.full((4, 6), value, np.int16)


def turned(degrees):
    """An upright slice turned about the z axis."""
    angle = np.radians(degrees)
    return (np.cos(angle), np.sin(angle), 0, 0, 0, -1)


def series(*groups):
    """Pictures of (cosines, positions), numbered through."""
    many = [(cosines, position) for cosines, positions in groups for position in positions]
    hu = {"RescaleSlope": 1, "RescaleIntercept": 0}
    return [placed(flat(n), position, cosines=cosines, number=n, **hu) for n, (cosines, position) in enumerate(many)]


def along_z(count):
    return [(0, 0, 2.0 * n) for n in range(count)]


def test_a_localizer_does_not_break_the_volume_whatever_its_number(tmp_path):
    many = series((CORONAL, [(0, 0, 0)]), (AXIAL, along_z(5)))
    found = list_series(save_all(many, tmp_path))[0]
    assert [(one.series_uid, one.plane, one.open().shape[4]) for one in found] == [
        ("1.2.3.4.50", "axial", 5),
        ("1.2.3.4.50#2", "coronal", 1),
    ]
    assert [one.open().grid_problem for one in found] == [None, None]
    assert [one.open().problems for one in found] == [("its series holds 2 scans: 5 axial, 1 coronal picture(s)",)] * 2


def test_rounding_of_directions_parts_nothing(tmp_path):
    noisy = [(1, 1e-4 * n, 0, -1e-4 * n, 1, 0) for n in range(5)]
    many = [placed(flat(), (0, 0, n), cosines=cosines, Modality="MR") for n, cosines in enumerate(noisy)]
    (found,) = list_series(save_all(many, tmp_path))[0]
    assert (found.plane, found.open().shape[4], found.open().problems) == ("axial", 5, ())


def test_each_long_axis_plane_is_a_cine(tmp_path):
    many = [
        placed(flat(10 * t + k), (0, 0, 0), cosines=turned(60 * k), number=t + 10 * k, TriggerTime=40.0 * t)
        for k in range(3)
        for t in range(5)
    ]
    scans = [one.open() for one in list_series(save_all(many, tmp_path))[0]]
    assert [(scan.shape, scan.t_meaning, scan.frame_ms) for scan in scans] == [
        ((1, 5, 6, 4, 1), "time", (0, 40, 80, 120, 160))
    ] * 3
    assert sorted(scan.stored()[0, :, 0, 0, 0].tolist() for scan in scans) == [
        [10 * t + k for t in range(5)] for k in range(3)
    ]


def test_a_turning_projection_stays_one_stack_unless_planes_are_wanted(tmp_path):
    many = [placed(flat(n), (0, 0, 0), cosines=turned(15 * n), number=n) for n in range(12)]
    paths = save_all(many, tmp_path)
    (found,) = list_series(paths)[0]
    assert (found.plane, found.open().shape[4]) == (None, 12)
    assert "orientation" in found.open().grid_problem
    wanted = list_series(paths, Reading(orientation="coronal"))[0]
    assert len(wanted) == 12
    assert {one.plane for one in wanted} == {"coronal", "sagittal"}


def three_planes():
    """An enhanced instance of two frames each of three planes, interleaved."""
    cosines = (AXIAL, CORONAL, SAGITTAL)
    data = enhanced(
        np.arange(6, dtype=np.int16)[:, None, None] + np.zeros((6, 4, 6), np.int16), [(0, None, 0, 1)] * 6, number=7
    )
    del data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    for n, group in enumerate(data.PerFrameFunctionalGroupsSequence):
        del group.CardiacSynchronizationSequence
        place = [0.0, 0.0, 0.0]
        place[(2, 1, 0)[n % 3]] = 5.0 * (n // 3)
        group.PlanePositionSequence = sequence(ImagePositionPatient=place)
        group.PlaneOrientationSequence = sequence(ImageOrientationPatient=list(cosines[n % 3]))
        group.FrameContentSequence = sequence(DimensionIndexValues=[1 + n % 3, 1 + n // 3])
    return data


def test_the_planes_of_one_file_are_scans_of_their_own(tmp_path):
    path = save(three_planes(), tmp_path / "planes.dcm")
    found = find_scans(path)
    assert {one.plane: sorted(one.open().stored()[0, 0, 0, 0].tolist()) for one in found} == {
        "axial": [0, 3],
        "coronal": [1, 4],
        "sagittal": [2, 5],
    }
    assert [one.series_uid[-2:] for one in found[1:]] == ["#2", "#3"]
    assert [one.name for one in found] == ["planes", "planes-2", "planes-3"]
    assert [one.open().grid_problem for one in found] == [None] * 3


@pytest.mark.parametrize("level", ["default", "keep"])
def test_the_planes_of_one_file_come_back_as_files_of_their_own(tmp_path, level):
    path = save(three_planes(), tmp_path / "planes.dcm")
    uids = set()
    for one in find_scans(path):
        scan, vsl, back = one.open(), tmp_path / f"{one.name}.vsl", tmp_path / f"{one.name}-back.dcm"
        done = compress_scan(scan, vsl, CompressConfig(identifiers=level), uid_key=b"key")
        assert any("some frames of the files belong to other scans" in warning for warning in done.warnings)
        np.testing.assert_array_equal(decode_scan(vsl).stored(), scan.stored())
        restore(open_vsl(vsl), back, threads=1)
        data = dcmread(back)
        assert (data.NumberOfFrames, len(data.PerFrameFunctionalGroupsSequence)) == (2, 2)
        (again,) = find_scans(back)
        assert again.plane == one.plane
        np.testing.assert_array_equal(again.open().stored(), scan.stored())
        np.testing.assert_array_equal(again.open().affine, scan.affine)
        uids.add(data.SOPInstanceUID)
    assert len(uids) == 3


def cine(frames=6, slices=4, missing=(), **attributes):
    """Trigger times drift by up to 2 ms from slice to slice; the pictures (t, k) in `missing` are left out."""
    return [
        placed(
            flat(10 * t + k),
            (0, 0, 8.0 * k),
            number=100 * k + t,
            sop_class=MRImageStorage,
            **{"TriggerTime": 30.0 * t + k % 3} | attributes,
        )
        for k in range(slices)
        for t in range(frames)
        if (t, k) not in missing
    ]


def test_the_complete_frames_of_a_cine_can_be_had_and_nothing_is_dropped(tmp_path):
    whole, left = list_series(save_all(cine(missing=[(3, 1)]), tmp_path))[0]
    scan = whole.open()
    assert (scan.shape, scan.t_meaning, scan.grid_problem) == ((1, 5, 6, 4, 4), "time", None)
    assert scan.stored()[0, :, 0, 0, 0].tolist() == [0, 10, 20, 40, 50]
    assert scan.frame_ms == (0.5, 30.5, 60.5, 120.5, 150.5)
    assert scan.problems[0].startswith("1 picture(s) missing (frame 3 of slice 1 at about 90 ms): the 3 others")
    rest = left.open()
    assert rest.stored()[0, 0, 0, 0].tolist() == [30, 32, 33]
    assert rest.problems[0].startswith("left over from a series with 1 picture(s) missing (frame 3 of slice 1")
    assert (whole.series_uid, left.series_uid) == ("1.2.3.4.50", "1.2.3.4.50#2")


@pytest.mark.parametrize("missing", [[(0, 0)], [(5, 3)], [(2, 0), (2, 3)], [(0, 1), (4, 2)]])
def test_each_missing_picture_is_named(tmp_path, missing):
    whole, left = list_series(save_all(cine(missing=missing), tmp_path))[0]
    lost = {t for t, _ in missing}
    assert whole.open().stored()[0, :, 0, 0, 0].tolist() == [10 * t for t in range(6) if t not in lost]
    assert whole.open().voxels + left.open().voxels == (24 - len(missing)) * 24
    for t, k in missing:
        assert f"frame {t} of slice {k}" in whole.open().problems[0]


def test_stated_temporal_positions_name_the_frame(tmp_path):
    many = cine(missing=[(2, 2)], TriggerTime=None)
    for data in many:
        data.TemporalPositionIdentifier = data.InstanceNumber % 100 + 1
    whole, left = list_series(save_all(many, tmp_path))[0]
    assert whole.open().problems[0].startswith("1 picture(s) missing (frame 2 of slice 2):")
    assert (whole.open().shape[1], left.open().shape[4]) == (5, 3)


@pytest.mark.parametrize(
    "missing",
    [[(t, 0) for t in range(4)], [(t, k) for t in range(3, 6) for k in (1, 2)]],
)
def test_where_much_is_missing_the_stack_is_left_as_it_is(tmp_path, missing):
    (found,) = list_series(save_all(cine(missing=missing), tmp_path))[0]
    assert found.open().shape == (1, 1, 6, 4, 24 - len(missing))
    assert any("positions have" in problem for problem in found.open().problems)


def test_pictures_that_cannot_be_told_apart_are_left_as_they_are(tmp_path):
    (found,) = list_series(save_all(cine(missing=[(3, 1)], TriggerTime=None), tmp_path))[0]
    assert found.open().shape == (1, 1, 6, 4, 23)


def test_pictures_without_a_place_are_no_part_of_a_plane(tmp_path):
    many = series((AXIAL, along_z(3)), (CORONAL, [(0, 0, 0)]))
    many.append(instance(flat(9), number=9))
    paths = save_all(many, tmp_path)
    assert [one.plane for one in list_series(paths)[0]] == ["axial", "coronal", None]
    (chosen,) = find_scans(tmp_path, Reading(orientation="coronal"))
    assert chosen.open().stored().max() == 3


def test_frames_in_several_orientations_with_a_shared_group_only_stay_whole(tmp_path):
    data = enhanced(np.zeros((2, 4, 6), np.int16), [(0, 1, 0, 1), (5, 1, 0, 1)])
    data.PerFrameFunctionalGroupsSequence = Sequence([*data.PerFrameFunctionalGroupsSequence, item()])
    (found,) = list_series([save(data, tmp_path / "a.dcm")])[0]
    assert found.open().shape[4] == 2


@pytest.mark.data
def test_a_real_cine_that_lost_a_picture_keeps_its_complete_frames(tmp_path):
    files = sorted(path for path in real("cine-sunnybrook-dicom").rglob("*") if path.is_file())
    (whole,) = list_series(files)[0]
    kept, left = list_series(files[:57] + files[58:])[0]
    assert (kept.open().shape, left.open().shape) == ((1, 19, 256, 256, 11), (1, 1, 256, 256, 10))
    t = next(t for t, ms in enumerate(whole.open().frame_ms) if ms not in kept.open().frame_ms)
    others = [n for n in range(20) if n != t]
    np.testing.assert_array_equal(kept.open().stored(), whole.open().stored()[:, others])
