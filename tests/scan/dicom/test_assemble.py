import numpy as np
import pytest
from pydicom.uid import PositronEmissionTomographyImageStorage

from dicom_making import TEST_FILES, enhanced, instance, placed, save, save_all
from vesalius.scan.dicom.assemble import scan_of
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.series import find_series


def opened(paths):
    (found,) = find_series(paths)
    return found.open()


def test_slopes_of_slices_are_kept_apart(tmp_path):
    many = [
        placed(
            np.full((3, 4), 10, np.uint16),
            (0, 0, 4 * n),
            sop_class=PositronEmissionTomographyImageStorage,
            Modality="PT",
            Units="BQML",
            RescaleSlope=1.5 + n,
            RescaleIntercept=0,
        )
        for n in (2, 0, 1)
    ]
    scan = opened(save_all(many, tmp_path))
    assert scan.intensity.slope_TK.tolist() == [[1.5, 2.5, 3.5]]
    assert (scan.intensity.unit, scan.modality) == ("BQML", "PT")
    np.testing.assert_array_equal(scan.values()[0, 0, 0, 0], [15, 25, 35])


def test_slopes_of_enhanced_frames_lie_in_time_and_space(tmp_path):
    frames = np.ones((4, 3, 4), np.int16)
    scan = opened(
        [save(enhanced(frames, [(0, 1, 0, 1), (0, 2, 40, 2), (6, 1, 0, 3), (6, 2, 40, 4)]), tmp_path / "a.dcm")]
    )
    assert scan.shape == (1, 2, 4, 3, 2)
    assert scan.intensity.slope_TK.tolist() == [[1, 3], [2, 4]]
    np.testing.assert_allclose(scan.affine, [[-1.25, 0, 0, 0], [0, -1.5, 0, 0], [0, 0, 6, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(scan.values()[0, :, 0, 0], [[1, 3], [2, 4]])


def test_one_slope_for_all_collapses(tmp_path):
    many = [placed(np.zeros((3, 4), np.int16), (0, 0, n), RescaleSlope=1, RescaleIntercept=-1024) for n in range(3)]
    scan = opened(save_all(many, tmp_path))
    assert scan.intensity.slope_TK.shape == (1, 1)
    assert (scan.intensity.inter_TK.item(), scan.intensity.unit) == (-1024, "HU")


def test_dark_is_bright_in_inverted_pictures(tmp_path):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    scan = opened([save(instance(array, PhotometricInterpretation="MONOCHROME1"), tmp_path / "a.dcm")])
    assert scan.colour == "inverted"
    np.testing.assert_array_equal(scan.stored()[0, 0, :, :, 0], array.T)  # stored values stay as they are


def test_colour_samples_become_channels(tmp_path):
    array = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    scan = opened([save(instance(array), tmp_path / "a.dcm")])
    assert (scan.shape, scan.colour) == ((3, 1, 4, 3, 1), "rgb")
    np.testing.assert_array_equal(scan.stored()[:, 0, :, :, 0], array.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{"FrameOfReferenceUID": None}, {}], "the frame of reference is not stated"),
        ([{"FrameOfReferenceUID": "1.2"}, {}], "2 frames of reference"),
        ([{"LossyImageCompression": "01"}, {}], "compressed with loss before"),
        ([{"RescaleSlope": 1, "RescaleIntercept": 0}, {}], "1 of 2 pictures (nothing is stated: slice 1 = instance 1)"),
        ([{"RescaleSlope": 2}, {"RescaleSlope": 2}], "2 of 2 pictures (RescaleIntercept is missing: slice 0"),
        ([{"RescaleSlope": 0, "RescaleIntercept": 5}] * 2, "2 of 2 pictures (RescaleSlope is 0: slice 0"),
        (
            [{"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": kind} for kind in ("HU", "ED")],
            "different units",
        ),
        ([{"PixelPaddingValue": -2000}, {"PixelPaddingValue": -2000}], "-2000 marks pixels"),
    ],
)
def test_problems_are_sentences(tmp_path, changes, words):
    many = [placed(np.zeros((3, 4), np.int16), (0, 0, n), number=n, **change) for n, change in enumerate(changes)]
    problems = opened(save_all(many, tmp_path)).problems
    assert sum(words in problem for problem in problems) == 1, problems


def test_a_flawless_series_has_no_problems(tmp_path):
    hu = {"RescaleSlope": 1, "RescaleIntercept": 0}
    many = [placed(np.zeros((3, 4), np.int16), (0, 0, n), **hu) for n in range(4)]
    scan = opened(save_all(many, tmp_path))
    assert scan.problems == ()
    assert (scan.modality, scan.orientation, scan.spacing_mm) == ("CT", "LPS", (0.25, 0.5, 1.0))
    assert scan.native.format == "dicom"


def test_tilt_is_a_problem_and_no_affine(tmp_path):
    many = [placed(np.zeros((3, 4), np.int16), (0, 0.3 * n, n)) for n in range(4)]
    scan = opened(save_all(many, tmp_path))
    assert "gantry tilt" in scan.grid_problem
    assert not any("tilt" in problem for problem in scan.problems)  # said once


def test_a_multi_frame_ultrasound_has_time_and_no_geometry():
    scan = scan_of([read_instance(TEST_FILES / "examples_ybr_color.dcm")], folder=False)
    assert scan.shape == (3, 30, 320, 240, 1)
    assert (scan.t_meaning, scan.colour, scan.geometry) == ("time", "ybr", None)
    np.testing.assert_allclose(np.diff(scan.frame_ms), 33.333)


def test_a_note_that_is_not_of_every_file_has_a_count(tmp_path):
    hu = {"RescaleSlope": 1, "RescaleIntercept": 0}
    paddings = [{"PixelPaddingValue": -900}] * 2 + [{}]
    many = [placed(np.zeros((3, 4), np.int16), (0, 0, n), **hu, **more) for n, more in enumerate(paddings)]
    marked = "the stored value -900 marks pixels outside the picture (PixelPaddingValue)"
    assert opened(save_all(many, tmp_path / "some")).problems == (f"{marked} (2 of 3 files)",)
    assert opened(save_all(many[:2], tmp_path / "all")).problems == (marked,)
