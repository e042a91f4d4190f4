import numpy as np
import pytest
from pydicom.uid import PositronEmissionTomographyImageStorage

from dicom_making import TEST_FILES, enhanced, instance, placed, save, save_all
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError
from vesalius.scan.dicom.assemble import scan_of
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.series import list_series
from vesalius.scan.orient import reorient
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.resample import regrid


def opened(paths, reading=AS_STATED):
    (found,) = list_series(paths, reading)[0]
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
        ([{"LossyImageCompression": "01"}, {}], "already compressed with loss"),
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


HU = {"RescaleSlope": 1, "RescaleIntercept": -1024}
ASSUMED = Reading(assume_rescale=(1.0, -1024.0))


def series(folder, missing=(2,), count=5, **others):
    """CT slices of 1064 + n; the slices in `missing` state `others` in place of slope and intercept."""
    return save_all(
        [
            placed(
                np.full((6, 5), 1064 + n, np.int16), (0, 0, 2 * n), number=10 + n, **(others if n in missing else HU)
            )
            for n in range(count)
        ],
        folder,
    )


def test_slices_without_a_statement_are_named_and_have_no_real_values(tmp_path):
    scan = opened(series(tmp_path, missing=(1, 4)))
    (problem,) = scan.problems
    assert "2 of 5 pictures (nothing is stated: slice 1 = instance 11, slice 4 = instance 14)" in problem
    assert (scan.intensity.unit, scan.spacing_mm) == ("HU", (0.25, 0.5, 2.0))
    assert not scan.intensity.is_identity
    with pytest.raises(InputError, match=r"real values are unknown.*instance 11.*--assume-rescale SLOPE,INTERCEPT"):
        scan.values()
    np.testing.assert_array_equal(scan.stored()[0, 0, 0, 0], [1064, 1065, 1066, 1067, 1068])
    np.testing.assert_array_equal(scan.values(k=slice(2, 4))[0, 0, 0, 0], [42, 43])  # both are stated


def test_at_most_five_are_named(tmp_path):
    (problem,) = opened(series(tmp_path, missing=range(1, 9), count=10)).problems
    assert problem.count("instance") == 5
    assert "8 of 10" in problem
    assert problem.endswith("and 3 more)")


def test_an_assumption_gives_the_values_and_stands_in_the_problems(tmp_path):
    scan = opened(series(tmp_path), ASSUMED)
    np.testing.assert_array_equal(scan.values()[0, 0, 0, 0], [40, 41, 42, 43, 44])
    assert scan.intensity.is_uniform
    (problem,) = scan.problems
    assert problem.startswith("slope 1 and intercept -1024 are assumed for 1 of 5 pictures")
    assert "instance 12" in problem


def test_an_assumption_changes_nothing_that_is_stated(tmp_path):
    scan = opened(series(tmp_path, missing=()), Reading(assume_rescale=(3.0, 7.0)))
    np.testing.assert_array_equal(scan.values()[0, 0, 0, 0], [40, 41, 42, 43, 44])
    assert scan.problems == ()


def test_a_half_statement_is_unknown_even_where_all_slices_make_it(tmp_path):
    paths = series(tmp_path, missing=range(3), count=3, RescaleIntercept=-1024)
    (problem,) = opened(paths).problems
    assert "3 of 3 pictures (RescaleSlope is missing" in problem
    with pytest.raises(InputError, match="RescaleSlope is missing"):
        opened(paths).values()
    np.testing.assert_array_equal(opened(paths, ASSUMED).values()[0, 0, 0, 0], [40, 41, 42])


def test_ct_without_any_statement_takes_an_assumption_and_mr_does_not(tmp_path):
    for modality, values in (("CT", [40, 41]), ("MR", [1064, 1065])):
        paths = series(tmp_path / modality, missing=range(2), count=2, Modality=modality)
        np.testing.assert_array_equal(opened(paths).values()[0, 0, 0, 0], [1064, 1065])
        np.testing.assert_array_equal(opened(paths, ASSUMED).values()[0, 0, 0, 0], values)


def test_an_enhanced_frame_without_its_transformation_is_named(tmp_path):
    places = [(5 * k, t, 20 * t, 1.0 + k) for k in range(3) for t in (1, 2)]
    data = enhanced(np.ones((6, 4, 5), np.int16), places, number=3)
    del data.PerFrameFunctionalGroupsSequence[3].PixelValueTransformationSequence
    path = save(data, tmp_path / "a.dcm")
    scan = opened([path])
    (problem,) = [one for one in scan.problems if "real values" in one]
    assert "1 of 6 pictures (nothing is stated: frame 1 of slice 1 = instance 3)" in problem
    with pytest.raises(InputError, match="frame 1 of slice 1"):
        scan.values(t=slice(1, 2))
    np.testing.assert_array_equal(scan.values(t=slice(0, 1))[0, 0, 0, 0], [1, 2, 3])
    scan = opened([path], Reading(assume_rescale=(2.0, 0.5)))
    np.testing.assert_array_equal(scan.values()[0, 1, 0, 0], [1, 2.5, 3])


def test_no_operation_turns_the_unknown_into_a_value(tmp_path):
    scan = opened(series(tmp_path))
    for changed in (reorient(scan, "RAS"), reorient(scan, "LPI"), regrid(scan, (0.25, 0.5, 1.0), "nearest")):
        with pytest.raises(InputError, match="instance 12"):
            changed.values()
    with pytest.raises(InputError, match="instance 12"):
        reorient(scan, "SPR")
    with pytest.raises(InputError, match="instance 12"):
        regrid(scan, (0.25, 0.5, 1.0))


def test_lossless_keeps_the_stored_values_and_what_is_not_known(tmp_path):
    paths = series(tmp_path / "in")
    scan, vsl = opened(paths), tmp_path / "a.vsl"
    compress_scan(scan, vsl, uid_key=b"key")
    after = decode_scan(vsl)
    np.testing.assert_array_equal(after.stored(), scan.stored())
    assert after.problems == scan.problems
    np.testing.assert_array_equal(after.intensity.slope_TK, scan.intensity.slope_TK)
    with pytest.raises(InputError, match=r"instance 12.*must be decompressed before"):
        after.values()


def test_lossy_tiers_refuse_and_take_the_assumption(tmp_path):
    paths = series(tmp_path / "in")
    with pytest.raises(InputError, match="instance 12"):
        compress_scan(opened(paths), tmp_path / "a.vsl", CompressConfig(max_error=1.0), uid_key=b"key")
    assert not (tmp_path / "a.vsl").exists()
    compress_scan(opened(paths, ASSUMED), tmp_path / "a.vsl", CompressConfig(max_error=1.0), uid_key=b"key")
    np.testing.assert_allclose(decode_scan(tmp_path / "a.vsl").values()[0, 0, 0, 0], [40, 41, 42, 43, 44], atol=1)


def test_ct_without_any_statement_has_stored_values_and_says_so(tmp_path):
    paths = series(tmp_path / "ct", missing=range(3), count=3)
    scan = opened(paths)
    assert scan.problems == ("no slope and intercept are stated: stored values are used, HU or not",)
    assert scan.intensity.unit == ""
    assert scan.values().max() == 1066
    assumed = opened(paths, ASSUMED)
    assert "are assumed for 3 of 3 pictures" in assumed.problems[0]
    assert assumed.values().max() == 42
    assert opened(series(tmp_path / "mr", missing=range(3), count=3, Modality="MR")).problems == ()
