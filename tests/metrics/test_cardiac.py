import math

import numpy as np
import pytest

from vesalius.metrics.cardiac import (
    EXTREMES,
    SMOOTHED,
    STATED,
    Beat,
    Pumping,
    ef_doubts,
    pumping,
    smoothed,
    volumes_ml,
    voxel_ml,
)
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient, emptying, end_systole


@pytest.fixture(scope="module")
def heart():
    return cine_patient(CineOptions(patients=1, frames=8, size=96, seed=3), "patient001")


def _cavities(*voxels, label=3):
    """Frames with so many voxels of a cavity, shape (T, 4, 5, 5)."""
    labels = np.zeros((len(voxels), 100), np.uint8)
    for t, count in enumerate(voxels):
        labels[t, :count] = label
    return labels.reshape(-1, 4, 5, 5)


def test_a_phantom_measures_what_it_was_made_with(heart):
    asked = heart.facts["requested"]
    voxel = voxel_ml(heart.affine)
    frames = (0, heart.es_frame)
    lv, rv = (pumping(volumes_ml(heart.labels_TIJK, (label,), voxel), frames) for label in (3, 1))
    assert (lv.ed_frame, lv.es_frame) == (0, heart.es_frame)
    assert lv.ef_from == "stated frames"
    assert lv.edv_ml == pytest.approx(asked["lv_edv_ml"], abs=voxel)
    assert lv.ef_percent == pytest.approx(100 * asked["lv_ef"], abs=0.5)
    assert lv.sv_ml == pytest.approx(asked["lv_edv_ml"] - asked["lv_esv_ml"], abs=2 * voxel)
    assert rv.edv_ml == pytest.approx(asked["rv_edv_ml"], abs=voxel)
    myocardium_g = 1.05 * volumes_ml(heart.labels_TIJK[:1], (2,), voxel)[0]
    assert myocardium_g == pytest.approx(asked["lv_mass_g"], abs=2 * voxel)


def test_without_stated_frames_both_are_read_off_the_smoothed_curve(heart):
    """Eight frames are few for two harmonics: the volumes are off by a few percent, the frames by one at most."""
    volumes_T = volumes_ml(heart.labels_TIJK, (3,), voxel_ml(heart.affine))
    found, truth = pumping(volumes_T), pumping(volumes_T, (0, heart.es_frame))
    assert found.ef_from == "smoothed curve"
    assert found.ed_frame in (7, 0, 1)
    assert abs(found.es_frame - heart.es_frame) <= 1
    assert found.ef_percent == pytest.approx(truth.ef_percent, abs=5)


def test_volumes_by_hand():
    labels = _cavities(10, 4)
    labels[0, 3, 4, 4] = 1
    assert volumes_ml(labels, (1,), 0.25).tolist() == [0.25, 0.0]
    assert volumes_ml(labels, (3,), 0.25).tolist() == [2.5, 1.0]
    assert volumes_ml(labels, (1, 2, 3), 1.0).tolist() == [11, 4]


def test_frames_are_chosen_by_the_cavity_and_may_be_stated():
    volumes_T = volumes_ml(_cavities(50, 60, 20, 30), (3,), 1.0)
    assert pumping(volumes_T) == Pumping(60, 20, 1, 2, "largest and smallest frame")
    stated = pumping(volumes_T, (0, 3))
    assert (stated.edv_ml, stated.esv_ml, stated.ef_percent) == (50, 30, pytest.approx(40))
    assert pumping([5, 8], (0, 1)).ef_percent == pytest.approx(-60)
    assert math.isnan(Pumping(0, 0).ef_percent)


def test_a_sheared_voxel_has_the_volume_of_its_box():
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[0, 2] = 1.5
    assert voxel_ml(affine) == pytest.approx(0.024)
    assert voxel_ml(-affine) == pytest.approx(0.024)


def test_arrays_of_other_shapes_are_bugs():
    with pytest.raises(ValueError, match="affine"):
        voxel_ml(np.eye(3))
    with pytest.raises(ValueError, match="no volume"):
        voxel_ml(np.zeros((4, 4)))


def volumes(frames=25, fraction=0.5, begun=0):
    return 100 * np.roll(1 - fraction * emptying(frames, end_systole(frames, 0.36)), begun)


def test_two_harmonics_are_kept_and_higher_ones_are_not():
    angle = 2 * np.pi * np.arange(12) / 12
    kept = 80 + 20 * np.cos(angle) + 5 * np.sin(2 * angle)
    assert smoothed(kept) == pytest.approx(kept)
    assert smoothed(kept + 7 * np.cos(3 * angle) - 3 * np.sin(5 * angle)) == pytest.approx(kept)


def test_it_is_the_truncated_fourier_series_wherever_the_beat_begins():
    noisy = volumes(20) + np.random.default_rng(0).normal(0, 5, 20)
    spectrum = np.fft.rfft(noisy)
    spectrum[3:] = 0
    assert smoothed(noisy) == pytest.approx(np.fft.irfft(spectrum, 20))
    assert smoothed(np.roll(noisy, 7)) == pytest.approx(np.roll(smoothed(noisy), 7))


def test_frames_without_the_cavity_are_left_out():
    angle = 2 * np.pi * np.arange(16) / 16
    whole = 80 + 20 * np.cos(angle)
    holed = whole.copy()
    holed[[3, 8, 9]] = 0
    assert smoothed(holed) == pytest.approx(whole)
    beat = pumping(holed)
    assert (beat.ed_frame, beat.es_frame, beat.ef_from) == (
        0,
        7,
        SMOOTHED,
    )  # frame 8 was missed, 7 is the lowest of those that were found
    assert (beat.edv_ml, beat.esv_ml) == pytest.approx((100, whole[7]))
    holed[10:13] = 0
    assert smoothed(holed) is None  # 6 of 16 are missing


def test_few_frames_and_stated_frames():
    assert smoothed(volumes(7)) is None
    assert smoothed(volumes(8)) is not None
    assert pumping([50, 60, 20, 0, 30]) == Pumping(60, 20, 1, 2, EXTREMES)
    noisy = volumes() + np.random.default_rng(1).normal(0, 8, 25)
    assert pumping(noisy, (24, 9)) == Pumping(noisy[24], noisy[9], 24, 9, STATED)
    with pytest.raises(ValueError, match="no frame"):
        pumping(np.zeros(9))


@pytest.mark.parametrize("frames", [12, 20, 35])
def test_the_ejection_fraction_is_no_longer_biased(frames):
    """Noise of 7 % of EDV: the extremes are 4 to 12 points too high, the curve stays within 2."""
    draw, extremes, curve = np.random.default_rng(frames), [], []
    for _ in range(300):
        noisy = volumes(frames, begun=int(draw.integers(frames))) + draw.normal(0, 7, frames)
        extremes.append(100 * (1 - noisy.min() / noisy.max()) - 50)
        beat = pumping(noisy)
        assert beat.ef_from == SMOOTHED
        curve.append(beat.ef_percent - 50)
    assert np.mean(extremes) > 3.5
    assert abs(np.mean(curve)) < 2
    assert np.mean(np.abs(curve)) < np.mean(np.abs(extremes)) * 0.75


@pytest.mark.parametrize(
    ("edv", "esv", "found"),
    [
        (150, 60, {}),
        (20, 10, {}),
        (600, 500, {}),
        (2.04, 1, {"EDV below 20 mL": "2.04 mL"}),
        (712, 500, {"EDV above 600 mL": "712 mL"}),
        (100, 124, {"ESV above EDV, so EF is negative": "-24.0 %"}),
        (100, 97, {"EF below 5 %": "3.0 %"}),
        (100, 8, {"EF above 85 %": "92.0 %"}),
        (8, 9, {"EDV below 20 mL": "8 mL", "ESV above EDV, so EF is negative": "-12.5 %"}),
    ],
)
def test_what_cannot_be(edv, esv, found):
    assert Pumping(edv, esv).doubts == found


def test_without_a_voxel_size_there_is_the_ejection_fraction_alone():
    assert ef_doubts(50) == {}
    assert list(ef_doubts(-1)) == ["ESV above EDV, so EF is negative"]
    assert Pumping(math.nan, math.nan).doubts == {}


def test_the_two_sides_of_a_beat_are_named():
    beat = Beat("a", "A", Pumping(100, 110), Pumping(0, 0), ("the predicted mask of ES",), by=("the model", "readers"))
    assert beat.doubts == [
        "implausible by the model: ESV above EDV, so EF is negative",
        "implausible: the LV is in several pieces in the predicted mask of ES",
    ]
