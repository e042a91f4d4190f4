import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom.cine.hearts import NAMES, SMALL, patient
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient, cine_patients, emptying, end_systole

ALL = [f"patient{number:03d}" for number in range(1, 11)]


def volumes_ml(made, value):
    voxel = abs(np.linalg.det(made.affine[:3, :3])) / 1000
    return (made.labels_TIJK == value).sum(axis=(1, 2, 3)) * voxel


@pytest.mark.parametrize("name", ALL)
def test_ejection_fraction_from_the_labels_is_within_one_point(name):
    made = patient(name)
    for value, edv, ef in (
        (3, made.subject.lv_edv_ml, made.subject.lv_ef),
        (1, made.subject.rv_edv_ml, made.subject.rv_ef),
    ):
        volumes = volumes_ml(made, value)
        assert 1 - volumes[made.es_frame] / volumes[0] == pytest.approx(ef, abs=0.01)
        assert volumes[0] == pytest.approx(edv, rel=0.01)


@pytest.mark.parametrize("name", ALL)
def test_end_diastole_is_the_largest_and_end_systole_the_smallest(name):
    made = patient(name)
    for value in (1, 3):
        volumes = volumes_ml(made, value)
        assert np.argmax(volumes) == 0
        assert np.argmin(volumes) == made.es_frame
    assert 0.28 <= made.es_frame / len(made.frame_ms) <= 0.42


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_volumes_fall_once_and_rise_once(name):
    """But for one slice at the base of the left ventricle, no step is greater than that of the emptying."""
    made = cine_patient(CineOptions.build(size=64, frames=24, noise=0), name)
    stroke = made.subject.lv_edv_ml * made.subject.lv_ef
    for value in (1, 3):
        steps = np.diff(volumes_ml(made, value))
        assert (steps[: made.es_frame] < 0.03 * stroke).all()
        assert (steps[made.es_frame :] > -0.03 * stroke).all()
        if value == 1:
            assert np.abs(steps).max() < 0.35 * stroke


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_labels_go_on_from_frame_to_frame(name):
    labels = cine_patient(CineOptions.build(size=64, frames=24, noise=0), name).labels_TIJK
    for value in (1, 2, 3):
        for one, next_one in zip(labels, np.roll(labels, -1, axis=0), strict=True):
            a, b = one == value, next_one == value
            assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.7


def test_arrays_and_times():
    made = patient("patient001")
    frames, i, j, slices = made.image_TIJK.shape
    assert (frames, i, j) == (SMALL.frames, SMALL.size, SMALL.size)
    assert made.labels_TIJK.shape == made.image_TIJK.shape
    assert made.image_TIJK.dtype == np.int16
    assert made.labels_TIJK.dtype == np.uint8
    assert set(np.unique(made.labels_TIJK)) == {0, 1, 2, 3}
    assert made.image_TIJK.min() >= 0
    assert len(made.frame_ms) == frames
    assert frames * np.diff(made.frame_ms) == pytest.approx(made.subject.rr_ms, abs=0.2)
    assert len(made.facts["slice_shift_mm"]) == slices


def test_the_same_seed_gives_the_same_patient_whatever_the_others():
    one = patient("patient002")
    several = cine_patients(SMALL.model_copy(update={"patients": 2}))
    again = next(made for made in several if made.name == "patient002")
    assert np.array_equal(one.image_TIJK, again.image_TIJK)
    assert np.array_equal(one.labels_TIJK, again.labels_TIJK)
    assert np.array_equal(one.affine, again.affine)
    assert one.facts == again.facts
    other = cine_patient(SMALL.model_copy(update={"seed": 1}), "patient002")
    assert not np.array_equal(one.labels_TIJK, other.labels_TIJK)


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_noise_is_as_asked(noise):
    """Outside the body the signal is zero, so the second moment of the magnitude is 2 sigma^2 (Rayleigh)."""
    options = CineOptions.build(size=80, frames=8, noise=noise)
    made, clean = (
        cine_patient(options, "patient001"),
        cine_patient(options.model_copy(update={"noise": 0.0}), "patient001"),
    )
    air = (clean.image_TIJK == 0).all(axis=0)
    assert air.mean() > 0.02
    stored = made.image_TIJK[:, air].astype(float)
    sigma = np.sqrt(((stored**2).mean() - 1 / 12) / 2)  # 1/12: rounding to whole numbers
    asked = noise * made.facts["blood_signal"]
    assert made.facts["noise_sigma"] == pytest.approx(asked)
    assert sigma == pytest.approx(asked, rel=0.02)


def test_blood_is_as_bright_as_stated_and_brighter_than_the_wall():
    options = CineOptions.build(size=128, frames=8, noise=0, shading=0, banding=0, flow=0)
    made = cine_patient(options, "patient001")
    k = made.image_TIJK.shape[3] // 2
    shown, labels = made.image_TIJK[0, ..., k], made.labels_TIJK[0, ..., k]
    assert np.percentile(shown[labels == 3], 70) == pytest.approx(made.facts["blood_signal"], rel=0.02)
    assert np.median(shown[labels == 2]) == pytest.approx(0.36 * made.facts["blood_signal"], rel=0.1)


@given(st.integers(8, 64), st.floats(0.3, 0.42))
def test_the_ventricle_empties_once_and_fills_once(frames, share):
    es = end_systole(frames, share)
    c = emptying(frames, es)
    assert abs(es / frames - share) <= 0.5 / frames + 1e-9 or es == 2
    assert c[0] == 0
    assert c[es] == 1
    assert np.argmax(c) == es
    assert (np.diff(c[: es + 1]) > 0).all()
    assert (np.diff(c[es:]) < 0).all()
    assert (c[1:] > 0).all()


def test_most_filling_is_early_and_the_atria_add_a_kick():
    c = emptying(100, 35)
    assert c[35 + 65 // 3] < 0.4
    slope = -np.diff(c[35:])
    assert slope[:20].max() > slope[30:45].max() < slope[48:62].max()
