import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.metrics.cardiac import (
    Pumping,
    ed_es_frames,
    mass_g,
    pumping,
    pumping_of_pair,
    volumes_ml,
    voxel_mm3,
)
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient


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
    voxel = voxel_mm3(heart.affine)
    frames = (0, heart.es_frame)
    lv, rv = (pumping(heart.labels_TIJK, voxel, label, frames) for label in (3, 1))
    assert (lv.ed_frame, lv.es_frame) == (0, heart.es_frame)
    assert lv.ef_from == "stated frames"
    assert lv.edv_ml == pytest.approx(asked["lv_edv_ml"], abs=voxel / 1000)
    assert lv.ef_percent == pytest.approx(100 * asked["lv_ef"], abs=0.5)
    assert lv.sv_ml == pytest.approx(asked["lv_edv_ml"] - asked["lv_esv_ml"], abs=2 * voxel / 1000)
    assert rv.edv_ml == pytest.approx(asked["rv_edv_ml"], abs=voxel / 1000)
    assert mass_g(heart.labels_TIJK[0], voxel) == pytest.approx(asked["lv_mass_g"], abs=voxel / 500)


def test_a_pair_of_masks_gives_the_same_as_the_cycle(heart):
    voxel = voxel_mm3(heart.affine)
    whole = pumping(heart.labels_TIJK, voxel, frames=(0, heart.es_frame))
    pair = pumping_of_pair(heart.labels_TIJK[0], heart.labels_TIJK[heart.es_frame], voxel)
    assert (pair.edv_ml, pair.esv_ml) == (whole.edv_ml, whole.esv_ml)
    assert (pair.ed_frame, pair.es_frame) == (None, None)


def test_without_stated_frames_both_are_read_off_the_smoothed_curve(heart):
    """Eight frames are few for two harmonics: the volumes are off by a few percent, the frames by one at most."""
    voxel = voxel_mm3(heart.affine)
    found, truth = pumping(heart.labels_TIJK, voxel), pumping(heart.labels_TIJK, voxel, frames=(0, heart.es_frame))
    assert found.ef_from == "smoothed curve"
    assert (found.ed_frame, found.es_frame) == ed_es_frames(heart.labels_TIJK)
    assert found.ed_frame in (7, 0, 1)
    assert abs(found.es_frame - heart.es_frame) <= 1
    assert found.ef_percent == pytest.approx(truth.ef_percent, abs=5)


def test_volumes_by_hand():
    labels = _cavities(10, 4)
    labels[0, 3, 4, 4] = 1
    found = volumes_ml(labels, 250.0)
    assert {label: one.tolist() for label, one in found.items()} == {1: [0.25, 0.0], 3: [2.5, 1.0]}
    assert volumes_ml(labels[1], 250.0, (2, 3))[3].tolist() == [1.0]


def test_frames_are_chosen_by_the_cavity_and_may_be_told():
    labels = _cavities(50, 60, 20, 30)
    assert ed_es_frames(labels) == (1, 2)
    assert pumping(labels, 1000.0) == Pumping(60, 20, 1, 2, "largest and smallest frame")
    told = pumping(labels, 1000.0, frames=(0, 3))
    assert (told.edv_ml, told.esv_ml, told.ef_percent) == (50, 30, pytest.approx(40))
    assert pumping(_cavities(5, 8, label=9), 1000.0, cavity=9, frames=(0, 1)).ef_percent == pytest.approx(-60)


def test_a_sheared_voxel_has_the_volume_of_its_box():
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[0, 2] = 1.5
    assert voxel_mm3(affine) == pytest.approx(24)
    assert voxel_mm3(-affine) == pytest.approx(24)


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        (lambda: pumping(_cavities(5, 0, 3), 1.0), r"frame 1 has no cavity \(label 3\)"),
        (lambda: pumping(_cavities(5, 0, 3), 1.0, frames=(1, 2)), "frame 1 has no cavity"),
        (lambda: pumping(_cavities(5, 4), 1.0, cavity=7), r"label 7"),
        (lambda: pumping(_cavities(5, 4), 1.0, frames=(0, 2)), "no frame 2, the mask has 2"),
        (lambda: pumping(_cavities(5), 1.0), "one frame"),
        (lambda: pumping_of_pair(_cavities(5)[0], _cavities(0)[0], 1.0), "the ES mask has no cavity"),
    ],
)
def test_what_the_masks_do_not_show_is_refused(measure, says):
    with pytest.raises(InputError, match=says):
        measure()


def test_arrays_of_other_shapes_are_bugs():
    with pytest.raises(ValueError, match="not"):
        volumes_ml(np.zeros((3, 3), int), 1.0)
    with pytest.raises(ValueError, match="2 frames"):
        mass_g(_cavities(5, 4), 1.0)
    with pytest.raises(ValueError, match="affine"):
        voxel_mm3(np.eye(3))
    with pytest.raises(ValueError, match="no volume"):
        voxel_mm3(np.zeros((4, 4)))
