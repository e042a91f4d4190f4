import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sequence import Sequence

from dicom_making import TEST_FILES, enhanced, instance, item, placed, sequence
from vesalius.scan.dicom.frames import read_frames

FLAT = np.zeros((4, 6), np.int16)


def test_a_single_frame_is_turned_to_ras():
    (frame,) = read_frames(placed(FLAT, (10, 20, 30), cosines=(0, 1, 0, 0, 0, -1), spacing=(0.5, 0.25)), 1)
    assert frame.place.origin == (-10, -20, 30)
    np.testing.assert_allclose(frame.place.step_i, (0, -0.25, 0), atol=0)
    np.testing.assert_allclose(frame.place.step_j, (0, 0, -0.5), atol=0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PixelSpacing": None}, "PixelSpacing is missing"),
        ({"ImagePositionPatient": None}, "ImagePositionPatient is missing"),
        ({"ImageOrientationPatient": [1, 0, 0]}, "ImageOrientationPatient is missing"),
        ({"PixelSpacing": [0, 1]}, "not positive"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "not perpendicular"),
        ({"ImageOrientationPatient": [2, 0, 0, 0, 1, 0]}, "unit vectors"),
    ],
)
def test_no_place_is_invented(change, reason):
    data = placed(FLAT, (0, 0, 0))
    for keyword, value in change.items():
        setattr(data, keyword, value)
    (frame,) = read_frames(data, 1)
    assert frame.place is None
    assert reason in frame.no_place


def test_enhanced_frames_read_their_groups():
    frames = read_frames(enhanced(np.zeros((3, 4, 6), np.int16), [(0, 1, 12, 2), (5, 1, 12, 2), (5, 2, 40, 3)]), 3)
    assert [frame.place.origin[2] for frame in frames] == [0, 5, 5]
    assert frames[0].place.step_i == (-1.25, 0, 0)
    assert frames[0].place.step_j == (0, -1.5, 0)
    assert [frame.temporal_index for frame in frames] == [1, 1, 2]
    assert [frame.trigger_ms for frame in frames] == [12, 12, 40]
    assert [frame.rescale.slope for frame in frames] == [2, 2, 3]
    assert frames[0].thickness_mm == 3


def test_an_empty_group_in_a_single_frame_instance_does_not_hide_its_place():
    data = placed(FLAT, (1, 2, 3))
    data.PerFrameFunctionalGroupsSequence = Sequence([item()])
    assert read_frames(data, 1)[0].place.origin == (-1, -2, 3)


def test_dose_planes_lie_at_their_offsets():
    data = dcmread(TEST_FILES / "rtdose.dcm")
    frames = read_frames(data, 15)
    heights = [frame.place.origin[2] for frame in frames]
    np.testing.assert_allclose(np.subtract(heights, heights[0]), data.GridFrameOffsetVector)
    assert frames[0].rescale.slope == data.DoseGridScaling


def test_dose_without_usable_offsets_has_no_place():
    data = placed(np.zeros((2, 4, 6), np.uint16), (0, 0, 0))
    data.GridFrameOffsetVector = [5, 10]
    assert {frame.place for frame in read_frames(data, 2)} == {None}


def nuclear(image_type):
    detector = sequence(ImagePositionPatient=[0, 0, 100], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    data = instance(np.zeros((4, 4, 6), np.uint16), Modality="NM", ImageType=image_type)
    data.FrameIncrementPointer = [0x00540080, 0x00540070]
    data.SliceVector, data.TimeSlotVector = [1, 2, 1, 2], [1, 1, 2, 2]
    data.DetectorInformationSequence = detector
    data.PixelSpacing, data.SpacingBetweenSlices = [4, 4], "-4.5"
    return data


def test_reconstructed_nuclear_slices_follow_the_sign_of_their_spacing():
    frames = read_frames(nuclear(["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]), 4)
    assert [frame.place.origin[2] for frame in frames] == [100, 95.5, 100, 95.5]
    assert [frame.temporal_index for frame in frames] == [1, 1, 2, 2]


def test_nuclear_projections_have_slice_numbers_and_no_place():
    frames = read_frames(nuclear(["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]), 4)
    assert [(frame.place, frame.slice_index) for frame in frames] == [(None, 1), (None, 2), (None, 1), (None, 2)]


def test_cine_times_come_from_the_vector_or_the_step():
    data = instance(np.zeros((3, 4, 6), np.uint8), FrameTimeVector=[0, 30, 50], FrameIncrementPointer=0x00181065)
    assert [frame.reference_ms for frame in read_frames(data, 3)] == [0, 30, 80]
    data = instance(np.zeros((3, 4, 6), np.uint8), FrameTime=33.5)
    assert [frame.reference_ms for frame in read_frames(data, 3)] == [0, 33.5, 67]
    data = instance(np.zeros((3, 4, 6), np.uint8))
    assert [frame.reference_ms for frame in read_frames(data, 3)] == [None] * 3


def test_one_place_serves_many_frames_only_over_time():
    place = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1]}
    over_time = instance(np.zeros((2, 4, 6), np.uint8), FrameTime=10, FrameIncrementPointer=0x00181063, **place)
    assert [frame.place.origin for frame in read_frames(over_time, 2)] == [(-1, -2, 3)] * 2
    unstated = instance(np.zeros((2, 4, 6), np.uint8), **place)
    assert [frame.place for frame in read_frames(unstated, 2)] == [None] * 2


def test_half_a_rescale_is_none():
    (frame,) = read_frames(placed(FLAT, (0, 0, 0), RescaleSlope=2), 1)
    assert (frame.rescale.slope, frame.rescale.inter, frame.rescale.stated) == (1, 0, False)
    assert frame.rescale.problem == "RescaleIntercept is missing"
