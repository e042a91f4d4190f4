import numpy as np
import pytest

from dicom_making import enhanced, placed, save, save_all
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError
from vesalius.scan.dicom.series import find_series
from vesalius.scan.orient import reorient
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.resample import regrid

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


def opened(paths, reading=AS_STATED):
    (found,) = find_series(paths, reading)
    return found.open()


def test_slices_without_a_statement_are_named_and_have_no_real_values(tmp_path):
    scan = opened(series(tmp_path, missing=(1, 4)))
    (problem,) = scan.problems
    assert "2 of 5 pictures (nothing is stated: slice 1 = instance 11, slice 4 = instance 14)" in problem
    assert (scan.intensity.unit, scan.spacing_mm) == ("HU", (0.25, 0.5, 2.0))
    assert not scan.intensity.is_identity
    with pytest.raises(InputError, match=r"real values are not known.*instance 11.*--assume-rescale SLOPE,INTERCEPT"):
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
    assert scan.problems == ("no slope and intercept are stated: values are the stored ones, HU or other",)
    assert scan.intensity.unit == ""
    assert scan.values().max() == 1066
    assumed = opened(paths, ASSUMED)
    assert "are assumed for 3 of 3 pictures" in assumed.problems[0]
    assert assumed.values().max() == 42
    assert opened(series(tmp_path / "mr", missing=range(3), count=3, Modality="MR")).problems == ()
