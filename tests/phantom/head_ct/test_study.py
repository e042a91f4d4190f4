import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from phantom.head_ct.heads import bleeding, healthy, small
from vesalius.phantom.head_ct.anatomy import draw_anatomy
from vesalius.phantom.head_ct.labels import LABELS, PATTERNS, BleedName, Tissue
from vesalius.phantom.head_ct.study import head_ct_study, studies_of

BONE = (Tissue.COMPACT_BONE, Tissue.DIPLOE)
BRAIN = (Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY, Tissue.STEM)


def test_tissues_have_the_hu_that_was_drawn():
    study, anatomy = healthy(), draw_anatomy(small(bleeds=[]), 3)
    checked = 0
    for tissue in (Tissue.WHITE, Tissue.VENTRICLE, Tissue.MUSCLE, Tissue.COMPACT_BONE, Tissue.AIR, Tissue.STEM):
        inside = binary_erosion(study.tissue_IJK == tissue, np.ones((3, 3, 3)))  # away from partial volume
        if inside.sum() > 20:
            checked += 1
            assert study.ideal_IJK[inside].mean() == pytest.approx(anatomy.hu[tissue], abs=1.5)
            if tissue != Tissue.AIR:
                assert study.image_IJK[inside].mean() == pytest.approx(anatomy.hu[tissue], abs=8)
    assert checked >= 5
    assert anatomy.hu[Tissue.GREY] > anatomy.hu[Tissue.WHITE] + 5


def test_the_brain_is_closed_in_by_bone_and_has_a_likely_size():
    study = healthy()
    voxel_ml = abs(np.linalg.det(study.affine[:3, :3])) / 1000
    brain_ml = np.isin(study.tissue_IJK, BRAIN).sum() * voxel_ml
    ventricles_ml = (study.tissue_IJK == Tissue.VENTRICLE).sum() * voxel_ml
    assert 900 < brain_ml < 1700
    assert 5 < ventricles_ml < 80
    intracranial = study.tissue_IJK >= Tissue.CSF
    shell = binary_dilation(intracranial[..., 8:-6], np.ones((3, 3, 1))) & ~intracranial[..., 8:-6]
    assert np.isin(study.tissue_IJK[..., 8:-6][shell], BONE).mean() > 0.9


@pytest.mark.parametrize("name", [name.value for name in BleedName])
@pytest.mark.parametrize("volume_ml", [3.0, 14.0])
def test_bleeds_have_the_volume_and_hu_asked_for(name, volume_ml):
    study = bleeding(name, volume_ml)
    (told,) = study.facts["bleeds"]
    voxel_ml = abs(np.linalg.det(study.affine[:3, :3])) / 1000
    mask = study.mask_IJK > 0
    assert told["measured_ml"] == pytest.approx(mask.sum() * voxel_ml, abs=2e-3)
    if not told["no_room"]:
        assert told["measured_ml"] == pytest.approx(volume_ml, rel=0.05)
    assert name in ("intraventricular", "subarachnoid") or not told["no_room"]
    inside = binary_erosion(mask, np.ones((3, 3, 1)))
    if inside.sum() > 10:
        thin = 6 if name == "subarachnoid" else 0  # sheets thinner than a voxel share it with fluid
        assert study.ideal_IJK[inside].mean() == pytest.approx(65, abs=4 + thin)
        assert study.image_IJK[inside].mean() == pytest.approx(65, abs=9 + thin)


@pytest.mark.parametrize("name", [name.value for name in BleedName])
def test_every_pattern_lies_in_its_compartment(name):
    for pattern in PATTERNS[BleedName(name)]:
        study = bleeding(name, 8.0, pattern=pattern)
        mask = study.mask_IJK > 0
        assert set(np.unique(study.mask_IJK)) == {0, BleedName(name).mask_value}
        lies = study.tissue_IJK[mask]
        near = lambda tissues, study=study: binary_dilation(np.isin(study.tissue_IJK, tissues), np.ones((3, 3, 3)))  # noqa: E731
        match name:
            case "intraparenchymal":
                assert near(BRAIN)[mask].mean() > 0.98
                assert np.isin(lies, BRAIN).mean() > 0.9
            case "intraventricular":
                assert near([Tissue.VENTRICLE])[mask].all()
                assert (lies == Tissue.VENTRICLE).mean() > 0.75
            case "subarachnoid":
                assert near([Tissue.CSF])[mask].mean() > 0.98
                assert (lies == Tissue.CSF).mean() > 0.6  # thin sheets: the middle of a voxel may miss them
            case _:
                assert near([one for one in Tissue if one >= Tissue.CSF])[mask].all()  # within the skull
                assert (lies >= Tissue.CSF).mean() > 0.9
                side = np.sign(np.argwhere(mask)[:, 0] - (mask.shape[0] - 1) / 2)
                assert pattern == "falx" or max((side > 0).mean(), (side < 0).mean()) > 0.8  # one side
        if name == "epidural" or (name, pattern) == ("subdural", "convexity"):
            assert (near(BONE) & mask).sum() > 0.1 * mask.sum()


def test_the_level_sinks_to_the_back():
    study = bleeding("intraventricular", 4.0, pattern="level")
    lateral = (study.tissue_IJK == Tissue.VENTRICLE) & (np.arange(study.tissue_IJK.shape[2]) > 10)
    j = np.arange(study.tissue_IJK.shape[1])[None, :, None] * np.ones(study.tissue_IJK.shape)
    assert j[study.mask_IJK > 0].mean() > j[lateral].mean() + 5


def test_the_noise_is_as_asked():
    quiet = head_ct_study(small(bleeds=[], noise_hu=0, lookalikes={"motion": 0}), 5)
    for sigma in (2.0, 6.0):
        loud = head_ct_study(small(bleeds=[], noise_hu=sigma, lookalikes={"motion": 0}), 5)
        inside = quiet.tissue_IJK >= Tissue.CSF
        difference = loud.image_IJK[inside].astype(float) - quiet.image_IJK[inside]
        assert difference.std() == pytest.approx(sigma, rel=0.05)
        assert abs(difference.mean()) < 0.2


def test_a_study_depends_on_its_own_numbers_only():
    one, again = head_ct_study(small(), 7, 1), head_ct_study(small(), 7, 1)
    np.testing.assert_array_equal(one.image_IJK, again.image_IJK)
    np.testing.assert_array_equal(one.mask_IJK, again.mask_IJK)
    assert one.facts == again.facts
    assert (head_ct_study(small(), 7, 0).image_IJK != one.image_IJK).any()
    assert (head_ct_study(small(seed=1), 7, 1).image_IJK != one.image_IJK).any()
    assert 1 <= studies_of(small(), 7) <= 3


def test_follow_ups_show_the_same_head():
    first, later = (head_ct_study(small(bleeds=[], tilt_degrees=0), 2, number) for number in (0, 1))
    assert first.facts["age_years"] == later.facts["age_years"]
    assert first.facts["calcified"] == later.facts["calcified"]


def test_labels_are_those_of_the_mask():
    for patient in range(4):
        study = head_ct_study(
            small(prevalence={"any": 1.0, "subdural": 0.5, "epidural": 0.3, "subarachnoid": 0.5}), patient
        )
        found = {name.value for name in BleedName if (study.mask_IJK == name.mask_value).any()}
        assert {name for name in LABELS[1:] if study.labels[name]} == found
        assert study.labels["any"] == bool(found)


def test_geometry():
    study = healthy()
    assert study.image_IJK.dtype == np.int16
    assert study.image_IJK.shape == study.mask_IJK.shape == (112, 112, 28)
    np.testing.assert_allclose(np.abs(np.diag(study.affine)[2]), 5.5)
    corner = study.image_IJK[:4, :4]
    assert abs(corner.mean() + 1000) < 5
