from dataclasses import replace

import numpy as np
import pytest

from real_data import real
from vesalius.errors import InputError, VesaliusError
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient
from vesalius.scan.open import find_scans
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.plausible import check_cine_mr

SIZE = (64, 60, 8)


def cine(frames=10, size=SIZE, spacing=(1.8, 1.8, 8.0), step_ms=40.0, **facts):
    values = np.random.default_rng(0).integers(0, 900, (1, frames, *size)).astype(np.int16)
    times = None if frames == 1 else tuple(step_ms * np.arange(frames))
    known = {"modality": "MR", "frame_ms": times, "t_meaning": "unknown" if frames == 1 else "time", **facts}
    return Scan.from_array(values, None if spacing is None else np.diag([*spacing, 1.0]), **known)


def test_a_cine_passes_without_a_word():
    found = check_cine_mr(cine())
    assert found.warnings == ()
    assert found.numbers == {"frames": 10, "slices": 8, "field_mm": 108, "slice_mm": 8}


def test_a_phantom_passes_thin_slices_too():
    heart = cine_patient(CineOptions(patients=1, seed=1, size=48, frames=8), "patient001")
    check_cine_mr(Scan.from_array(heart.image_TIJK[None], heart.affine, t_meaning="time"))
    thin = check_cine_mr(cine(size=(64, 64, 40), spacing=(1.4, 1.4, 3.0)))
    assert thin.warnings[0].startswith("slices lie 3 mm apart")


@pytest.mark.parametrize(
    ("scan", "says"),
    [
        (cine(modality="CT"), "is CT, the model was made for cine MR"),
        (cine(modality="SEG"), "is SEG"),
        (cine(t_meaning="diffusion", frame_ms=None), "has 10 frames of diffusion, not of time"),
        (cine(t_meaning="echo", frame_ms=None), "frames of echo"),
        (cine(frames=30, step_ms=2000.0), "its frames lie 2000 ms apart and last 60 s"),
        (cine(size=(40, 64, 8)), "shows 72 x 115 mm, too little for a heart"),
        (cine(frames=1, size=(64, 64, 40)), "has 40 slices 8 mm apart and one frame"),
        (cine(frames=1, spacing=(1.5, 1.5, 1.5)), "has 8 slices 1.5 mm apart and one frame"),
        (cine(size=(64, 64, 36), spacing=(3.5, 3.5, 3.5), frame_ms=None), "36 slices 3.5 mm apart and 10 frames"),
        (cine(size=(64, 64, 31), spacing=(1.0, 1.0, 1.0)), "64 x 64 x 31 voxels of unknown or 1 mm size"),
        (cine(size=(40, 64, 8), spacing=None), "40 x 64 x 8 voxels of unknown or 1 mm size"),
        (Scan.from_array(np.zeros((1, 4, *SIZE)), np.diag([2, 2, 8, 1.0])), "one value everywhere"),
        (Scan.from_array(np.eye(64)[:, :60, None].repeat(8, 2) * 3, np.diag([2, 2, 8, 1.0])), "2 different whole numb"),
        (Scan.from_array(np.zeros((3, 4, *SIZE)), np.diag([2, 2, 8, 1.0])), "has 3 channels"),
    ],
)
def test_what_is_no_cine(scan, says):
    with pytest.raises(InputError, match=says) as caught:
        check_cine_mr(scan)
    assert str(caught.value).endswith("give a short-axis cine MR")


def test_hounsfield_units_in_a_file_that_states_no_modality():
    values = np.random.default_rng(0).normal(40, 60, (64, 64, 20))
    values[:20] = np.random.default_rng(1).normal(-1000, 10, (20, 64, 20))
    scan = Scan.from_array(values, np.diag([3.0, 3.0, 5.0, 1.0]))
    with pytest.raises(InputError, match="like HU: CT, not MR"):
        check_cine_mr(scan)
    normed = Scan.from_array((values - values.mean()) / values.std(), np.diag([3.0, 3.0, 5.0, 1.0]))
    assert "one frame, and nothing says that it is of a cine" in check_cine_mr(normed).warnings


@pytest.mark.parametrize(
    ("scan", "says"),
    [
        (cine(modality="unknown"), "the file does not say that it is MR"),
        (cine(frames=1), "one frame, and nothing says that it is of a cine"),
        (cine(frames=60, step_ms=45.0), "the frames last 2.7 s, more than a beat"),
        (cine(spacing=(1.0, 1.0, 1.0)), "voxels of exactly 1 x 1 x 1 mm"),
        (cine(spacing=(6.0, 6.0, 8.0)), "pixels of 6 x 6 mm, unusual for a cine"),
        (cine(spacing=(12.0, 12.0, 8.0)), "the field of view is 768 x 720 mm"),
        (cine(spacing=(1.8, 1.8, 20.0)), "slices lie 20 mm apart"),
        (cine(size=(64, 64, 32)), "32 slices, a short-axis stack has 6 to 16"),
    ],
)
def test_what_is_unusual_is_a_warning(scan, says):
    assert any(says in warning for warning in check_cine_mr(scan).warnings)


def test_a_heart_that_does_not_beat():
    still = cine().stored()[:, :1].repeat(6, axis=1)
    scan = replace(cine(frames=6), pixels=Scan.from_array(still).pixels)
    assert check_cine_mr(scan).warnings == ("all frames are equal: nothing beats",)


def _images(name):
    return [found for found in find_scans(real(name)) if not found.name.endswith("_gt")]


@pytest.mark.parametrize("name", ["cine-acdc-sample", "cine-sunnybrook", "cine-sunnybrook-dicom"])
def test_real_cines_pass(name):
    for found in _images(name):
        check_cine_mr(found.open())


@pytest.mark.parametrize(
    "name", ["ct-head-template", "ct-head-tilted-dicom", "ct-body", "brain-ms", "brain-glioma", "spine-sct"]
)
def test_other_real_scans_are_refused(name):
    for found in _images(name):
        with pytest.raises(VesaliusError):
            check_cine_mr(found.open())
