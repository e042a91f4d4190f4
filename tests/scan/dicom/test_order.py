import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import MRImageStorage

from dicom_making import enhanced, instance, placed, save_all
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.order import arrange, by_orientation, by_position, frames_of, normal_of, place_of


def flat(value):
    return np.full((4, 6), value, np.int16)


def arranged(folder, many):
    """Arrange the instances; returns the arrangement and, per (t, k), the number of the instance."""
    facts = [read_instance(path) for path in save_all(many, folder)]
    result = arrange(facts)
    numbers = [[facts[frame.instance].number for frame in row] for row in result.frames_TK]
    return result, numbers


def volume(count, gap=2.0, **attributes):
    return [placed(flat(n), (0, 0, gap * n), number=100 - n, **attributes) for n in range(count)]


def test_slices_follow_their_positions_not_their_numbers_or_names(tmp_path):
    many = volume(7)
    random.Random(3).shuffle(many)
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[100 - n for n in range(7)]]
    assert result.stack.grid_problem is None
    assert result.problems == ()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_any_orientation_is_sorted_along_its_normal(tmp_path_factory, seed):
    draw = np.random.default_rng(seed)
    q, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    normal = np.cross(q[0], q[1])
    start, heights = draw.normal(size=3) * 50, np.sort(draw.choice(40, 5, replace=False)) * 1.5
    many = [
        placed(flat(0), start + height * normal, number=int(height * 2) + 1, cosines=[*q[0], *q[1]])
        for height in draw.permutation(heights)
    ]
    result, numbers = arranged(tmp_path_factory.mktemp("s"), many)
    assert numbers[0] == (heights * 2 + 1).astype(int).tolist()
    np.testing.assert_allclose(result.stack.gaps_mm, np.diff(heights), atol=1e-3)


def test_a_missing_slice_is_told(tmp_path):
    many = volume(8)
    del many[3]
    result, _ = arranged(tmp_path, many)
    assert result.stack.grid_problem.startswith("1 slice(s) missing between slices 2 and 3")


def test_a_duplicate_is_kept_and_told(tmp_path):
    many = [*volume(5), placed(flat(9), (0, 0, 4.0), number=7)]
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[100, 99, 7, 98, 97, 96]]
    assert result.stack.grid_problem.startswith("1 duplicate slice position")
    assert any("1 duplicate frame" in problem for problem in result.problems)


def test_a_series_copied_twice_is_no_time(tmp_path):
    result, numbers = arranged(tmp_path, volume(3) + volume(3))
    assert numbers == [[100, 100, 99, 99, 98, 98]]
    assert any("3 duplicate frame" in problem for problem in result.problems)


def cine(times_by_slice, **attributes):
    return [
        placed(
            flat(0), (0, 0, 8.0 * k), number=1 + n + 100 * k, sop_class=MRImageStorage, TriggerTime=time, **attributes
        )
        for k, times in enumerate(times_by_slice)
        for n, time in enumerate(times)
    ]


def test_trigger_time_makes_a_cine(tmp_path):
    many = cine([[0, 30, 60], [1, 31, 61], [0, 30, 60]])
    random.Random(1).shuffle(many)
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[1, 101, 201], [2, 102, 202], [3, 103, 203]]
    assert result.t_meaning == "time"
    assert result.frame_ms == (0, 30, 60)
    assert result.problems == ()


def test_trigger_times_that_disagree_give_no_frame_times(tmp_path):
    result, numbers = arranged(tmp_path, cine([[0, 30, 60], [0, 60, 120]]))
    assert numbers == [[1, 101], [2, 102], [3, 103]]
    assert result.frame_ms is None
    assert any("differ between slices" in problem for problem in result.problems)


def test_temporal_position_comes_before_everything(tmp_path):
    many = []
    for k in range(2):
        for t in range(3):
            data = placed(flat(0), (0, 0, 5.0 * k), number=10 * k + t, sop_class=MRImageStorage)
            data.TemporalPositionIdentifier, data.TriggerTime = 3 - t, 10 * t
            many.append(data)
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[2, 12], [1, 11], [0, 10]]
    assert result.t_meaning == "time"
    assert result.frame_ms is None  # trigger times run against the stated positions


@pytest.mark.parametrize(
    ("attribute", "values", "meaning", "frame_ms"),
    [
        ("FrameReferenceTime", [500, 1500], "time", (500, 1500)),
        ("AcquisitionTime", ["101000.25", "101002.75"], "time", (0, 2500)),
        ("AcquisitionNumber", [1, 2], "unknown", None),
        ("ContentTime", ["101000", "101002"], "unknown", None),
        ("EchoTime", [4.6, 9.2], "echo", None),
        ("DiffusionBValue", [0.0, 1000.0], "diffusion", None),
    ],
)
def test_what_tells_frames_apart_names_the_axis(tmp_path, attribute, values, meaning, frame_ms):
    many = [
        placed(flat(0), (0, 0, 5.0 * k), number=10 * k + 9 - t, sop_class=MRImageStorage, **{attribute: value})
        for k in range(2)
        for t, value in enumerate(values)
    ]
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[9, 19], [8, 18]] or meaning == "diffusion"
    assert (result.t_meaning, result.frame_ms) == (meaning, frame_ms)
    assert (result.problems == ()) is (meaning != "unknown")


def test_diffusion_keeps_the_order_of_the_acquisition(tmp_path):
    weights = [0.0, 1000.0, 0.0, 1000.0]
    many = [
        placed(
            flat(0),
            (0, 0, 5.0 * k),
            number=10 * k + t,
            sop_class=MRImageStorage,
            DiffusionBValue=weight,
            DiffusionGradientOrientation=[1.0, 0.0, 0.0],
        )
        for k in range(2)
        for t, weight in enumerate(weights)
    ]
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[0, 10], [1, 11], [2, 12], [3, 13]]
    assert result.t_meaning == "diffusion"


def test_magnitude_and_phase_are_told_apart_and_said_to_be_mixed(tmp_path):
    many = []
    for k in range(2):
        for n, kind in enumerate("PM"):
            many += [
                placed(
                    flat(0),
                    (0, 0, 5.0 * k),
                    number=100 * k + 10 * n + t,
                    sop_class=MRImageStorage,
                    ImageType=["ORIGINAL", "PRIMARY", kind],
                    TriggerTime=25 * t,
                )
                for t in range(3)
            ]
    result, numbers = arranged(tmp_path, many)
    assert [row[0] for row in numbers] == [10, 11, 12, 0, 1, 2]
    assert result.t_meaning == "unknown"
    assert any("mixes image types" in problem for problem in result.problems)


def test_frames_ordered_by_number_only_are_said_to_be(tmp_path):
    many = [placed(flat(0), (0, 0, 5.0 * k), number=10 * t + k) for k in range(3) for t in range(2)]
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[0, 1, 2], [10, 11, 12]]
    assert result.t_meaning == "unknown"
    assert result.problems == ("the frames are ordered in time by the instance number only",)


def test_a_missing_frame_makes_slices_of_all(tmp_path):
    many = cine([[0, 30, 60], [0, 30, 60], [0, 30, 60]])
    del many[4]
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[1, 2, 3, 101, 103, 201, 202, 203]]
    assert any("1 of 3 positions have 2 frame(s), the others 3" in problem for problem in result.problems)
    assert any("number 1, counted from 0" in problem for problem in result.problems)
    assert "duplicate" in result.stack.grid_problem


def test_several_orientations_stay_one_stack(tmp_path):
    axial = volume(3)
    sagittal = [placed(flat(0), (n, 0, 0), number=n, cosines=(0, 1, 0, 0, 0, -1)) for n in range(3)]
    result, numbers = arranged(tmp_path, [sagittal[1], *axial, sagittal[2], sagittal[0]])
    assert sorted(numbers[0]) == sorted([100, 99, 98, 0, 1, 2])
    at = [numbers[0].index(n) for n in (100, 99, 98)]
    assert at == sorted(at)
    assert result.stack.grid_problem == "the slices differ in orientation or pixel spacing"


def test_instances_without_a_place_follow_their_numbers(tmp_path):
    result, numbers = arranged(tmp_path, [instance(flat(0), number=n) for n in (3, 1, 2)])
    assert numbers == [[1, 2, 3]]
    assert result.stack is None
    assert [problem.split(":")[0] for problem in result.problems] == [
        "no geometry",
        "without positions the pictures are ordered by instance number",
    ]


def test_a_cine_without_a_place_is_time(tmp_path):
    result, _ = arranged(tmp_path, [instance(np.zeros((3, 4, 6), np.uint8), FrameTime=20)])
    assert len(result.frames_TK) == 3
    assert (result.t_meaning, result.frame_ms) == ("time", (0, 20, 40))


def test_frames_of_unknown_meaning_are_said_to_be(tmp_path):
    result, _ = arranged(tmp_path, [instance(np.zeros((3, 4, 6), np.uint8))])
    assert (len(result.frames_TK), result.t_meaning, result.frame_ms) == (3, "unknown", None)
    assert any("not stated" in problem for problem in result.problems)


def test_enhanced_frames_become_time_and_slices(tmp_path):
    places = [(5, 2, 41, 1), (0, 1, 12, 1), (5, 1, 12, 1), (0, 2, 41, 1)]
    result, _ = arranged(tmp_path, [enhanced(np.zeros((4, 4, 6), np.int16), places)])
    assert result.order().tolist() == [[[0, 1], [0, 2]], [[0, 3], [0, 0]]]
    assert (result.t_meaning, result.frame_ms) == ("time", (12, 41))


def test_gated_nuclear_slices_without_a_place_are_sorted_by_their_numbers(tmp_path):
    data = instance(np.zeros((4, 4, 6), np.uint16), Modality="NM")
    data.FrameIncrementPointer = [0x00540070, 0x00540080]
    data.TimeSlotVector, data.SliceVector = [1, 1, 2, 2], [2, 1, 2, 1]
    result, _ = arranged(tmp_path, [data])
    assert result.order()[..., 1].tolist() == [[1, 0], [3, 2]]
    assert result.stack is None


def test_segments_of_one_position_are_ordered_and_of_unknown_meaning(tmp_path):
    places = [(0, None, 0, 1), (0, None, 0, 1), (4, None, 0, 1), (4, None, 0, 1)]
    data = enhanced(np.zeros((4, 4, 6), np.int16), places)
    for group, segment in zip(data.PerFrameFunctionalGroupsSequence, (2, 1, 1, 2), strict=True):
        group.FrameContentSequence[0].DimensionIndexValues = [segment, 1]
        del group.FrameContentSequence[0].TemporalPositionIndex
        del group.CardiacSynchronizationSequence
    result, _ = arranged(tmp_path, [data])
    assert result.order()[..., 1].tolist() == [[1, 2], [0, 3]]
    assert result.t_meaning == "unknown"
    assert result.problems == ("the frames are ordered in time by the dimension index only",)


def test_a_mosaic_has_no_place(tmp_path):
    result, _ = arranged(tmp_path, [placed(flat(0), (0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])])
    assert result.stack is None
    assert "mosaic" in result.problems[0]


@pytest.mark.parametrize(
    ("attribute", "values", "words"),
    [
        ("InversionTime", [100, 350, 600], "inversion times"),
        ("FlipAngle", [4, 18, 24], "flip angles"),
        ("EchoNumbers", [1, 2, 3], "echo numbers"),
        ("RepetitionTime", [500, 1000, 2000], "repetition times"),
        ("ScanOptions", ["FS", "MT", "PFP"], "scan options"),
        ("SequenceName", ["fl3d1", "fl3d1_v150in", "fl3d1r"], "sequences"),
        ("KVP", [80, 100, 140], "tube voltages"),
        ("ConvolutionKernel", ["Br40", "Br64", "Qr40"], "reconstruction kernels"),
    ],
)
def test_settings_that_change_with_the_clock_are_no_time(tmp_path, attribute, values, words):
    many = [
        placed(flat(0), (0, 0, 5.0 * k), number=10 * k + t, AcquisitionTime=f"1200{10 * t:02d}", **{attribute: value})
        for k in range(2)
        for t, value in enumerate(values)
    ]
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[0, 10], [1, 11], [2, 12]]
    assert (result.t_meaning, result.frame_ms) == ("unknown", None)
    assert result.problems == (f"the T axis mixes {words} and perhaps time",)


def test_repetition_times_of_a_gated_cine_follow_the_heart(tmp_path):
    many = cine([[0, 30, 60], [0, 30, 60]])
    for n, data in enumerate(many):
        data.RepetitionTime = 900 + n
    result, _ = arranged(tmp_path, many)
    assert (result.t_meaning, result.frame_ms, result.problems) == ("time", (0, 30, 60), ())


def test_inversion_times_of_a_triggered_series_are_no_time(tmp_path):
    many = cine([[500, 510, 520], [500, 510, 520]])
    for n, data in enumerate(many):
        data.InversionTime = (350, 100, 600)[n % 3]
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[2, 102], [1, 101], [3, 103]]
    assert (result.t_meaning, result.frame_ms) == ("unknown", None)


def test_a_setting_that_only_some_frames_state_tells_them_apart(tmp_path):
    many = cine([[0, 0], [0, 0]])
    for data in many[::2]:
        data.ScanOptions = "MT"
    result, numbers = arranged(tmp_path, many)
    assert numbers == [[2, 102], [1, 101]]
    assert result.t_meaning == "unknown"


def test_uneven_steps_of_the_clock_are_doubted(tmp_path):
    many = [
        placed(flat(0), (0, 0, 5.0 * k), number=10 * k + t, AcquisitionNumber=t, AcquisitionTime=clock)
        for k in range(2)
        for t, clock in enumerate(("120000", "120025", "120110"))
    ]
    result, _ = arranged(tmp_path, many)
    assert (result.t_meaning, result.frame_ms) == ("time", (0, 25_000, 70_000))
    (problem,) = result.problems
    assert "perhaps phases" in problem


AXIAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1)


def frames(folder, places):
    """One picture of each (cosines, position, spacing)."""
    many = [
        placed(np.zeros((3, 4), np.int16), position, cosines=cosines, spacing=spacing, number=n)
        for n, (cosines, position, spacing) in enumerate(places)
    ]
    return frames_of([read_instance(path) for path in save_all(many, folder)])


def numbers(groups):
    return [[frame.number for frame in group] for group in groups]


def test_directions_and_spacing_make_an_orientation(tmp_path):
    one, two = (0.5, 0.5), (0.5, 0.6)
    found = frames(
        tmp_path,
        [(AXIAL, (0, 0, 0), one), (SAGITTAL, (0, 0, 0), one), (AXIAL, (0, 0, 4), one), (AXIAL, (0, 0, 8), two)],
    )
    assert sorted(numbers(by_orientation(found))) == [[0, 2], [1], [3]]


@pytest.mark.parametrize(("degrees", "groups"), [(0.3, 1), (3, 2)])
def test_small_turns_are_rounding(tmp_path, degrees, groups):
    angle = np.radians(degrees)
    turned = (np.cos(angle), np.sin(angle), 0, -np.sin(angle), np.cos(angle), 0)
    found = frames(tmp_path, [(AXIAL, (0, 0, 0), (1, 1)), (turned, (0, 0, 2), (1, 1))])
    assert len(by_orientation(found)) == groups


def test_positions_grow_along_the_normal(tmp_path):
    heights = [4, 0, 2, 4]
    found = frames(tmp_path, [(SAGITTAL, (height, 0, 0), (1, 1)) for height in heights])
    positions = by_position(found)
    assert numbers(positions) in ([[1], [2], [0, 3]], [[0, 3], [2], [1]])  # by the sign of the normal
    along = [np.dot(place_of(group[0]).origin, normal_of(place_of(group[0]))) for group in positions]
    assert along == sorted(along)


def test_slices_of_one_height_beside_each_other_are_two_positions(tmp_path):
    found = frames(tmp_path, [(AXIAL, (0, 0, 5), (1, 1)), (AXIAL, (9, 0, 5), (1, 1)), (AXIAL, (0, 0, 5), (1, 1))])
    assert sorted(numbers(by_position(found))) == [[0, 2], [1]]
