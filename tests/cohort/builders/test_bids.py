import nibabel as nib
import numpy as np
import pytest

from vesalius.cohort.build import build_cohort
from vesalius.errors import InputError


@pytest.fixture
def bids(tmp_path):
    """Writes empty files of these names, each in the folders that its name says, and builds the cohort."""

    def make(*names, root=""):
        for name in names:
            pipeline, _, file = name.rpartition(":")
            kind = "func" if "bold" in file or "task-" in file else "anat"
            home = tmp_path / (f"derivatives/{pipeline}" if pipeline else "") / file.split("_")[0] / kind
            home.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), home / f"{file}.nii.gz")
        return build_cohort("bids", tmp_path / root)

    return make


def masks_of(cohort):
    """Case -> name of a mask -> the end of its file's name."""
    return {
        case.id: {name: path.rpartition("/")[2].removesuffix(".nii.gz") for name, path in case.masks.items()}
        for case in cohort
    }


def test_entities_name_the_masks_of_an_image(bids):
    cohort = bids(
        "sub-1_ses-a_FLAIR",
        "man:sub-1_ses-a_label-tumour_dseg",
        "man:sub-1_ses-a_hemi-R_label-GM_desc-manual_mask",
        "man:sub-1_ses-a_mask",
        "tool:sub-1_ses-a_atlas-AAL_dseg",
    )
    assert masks_of(cohort) == {
        "sub-1_ses-a_FLAIR": {
            "dseg_tumour": "sub-1_ses-a_label-tumour_dseg",
            "mask_R_GM_manual": "sub-1_ses-a_hemi-R_label-GM_desc-manual_mask",
            "mask": "sub-1_ses-a_mask",
            "dseg_AAL": "sub-1_ses-a_atlas-AAL_dseg",
        }
    }
    assert cohort.notes == ()


def test_a_mask_in_another_space_never_goes_with_the_native_image(bids):
    cohort = bids(
        "sub-1_T2w",
        "a:sub-1_space-MNI152_label-lesion_mask",
        "b:sub-1_space-orig_label-lesion_mask",
        "b:sub-1_space-T2w_label-brain_mask",
        "b:sub-1_space-T1w_label-csf_mask",
    )
    assert masks_of(cohort)["sub-1_T2w"] == {
        "mask_lesion": "sub-1_space-orig_label-lesion_mask",
        "mask_brain": "sub-1_space-T2w_label-brain_mask",
    }
    assert cohort.notes == (
        "masks in another space than their image, left out: 2 (sub-1_space-MNI152_label-lesion_mask.nii.gz,"
        " sub-1_space-T1w_label-csf_mask.nii.gz)",
    )


def test_images_of_a_space_have_the_masks_of_that_space(bids):
    cohort = bids(
        "sub-1_space-MNI_res-2_desc-preproc_T1w",
        "sub-1_desc-preproc_T1w",
        "sub-1_space-MNI_res-2_desc-brain_mask",
        "sub-1_space-MNI_res-1_desc-brain_mask",
        "sub-1_desc-brain_mask",
    )
    assert masks_of(cohort) == {
        "sub-1_space-MNI_res-2_desc-preproc_T1w": {"mask_brain": "sub-1_space-MNI_res-2_desc-brain_mask"},
        "sub-1_desc-preproc_T1w": {"mask_brain": "sub-1_desc-brain_mask"},
    }
    (note,) = cohort.notes
    assert (
        note == "masks without an image of their entities, left out: 1 (sub-1_space-MNI_res-1_desc-brain_mask.nii.gz)"
    )


def test_runs_acquisitions_and_kinds_are_kept_apart(bids):
    cohort = bids(
        "sub-1_run-1_T1w",
        "sub-1_run-2_T1w",
        "sub-1_acq-fast_T1w",
        "sub-1_task-rest_bold",
        "d:sub-1_run-2_mask",
        "d:sub-1_acq-fast_label-WM_probseg",
        "d:sub-1_task-rest_desc-brain_mask",
        "d:sub-1_run-3_mask",
    )
    assert masks_of(cohort) == {
        "sub-1_run-1_T1w": {},
        "sub-1_run-2_T1w": {"mask": "sub-1_run-2_mask"},
        "sub-1_acq-fast_T1w": {},
        "sub-1_task-rest_bold": {"mask_brain": "sub-1_task-rest_desc-brain_mask"},
    }
    assert cohort.notes == (
        "probabilities instead of label maps, left out: 1 (sub-1_acq-fast_label-WM_probseg.nii.gz)",
        "masks without an image of their entities, left out: 1 (sub-1_run-3_mask.nii.gz)",
    )


def test_of_two_files_of_one_name_the_other_is_told(bids):
    cohort = bids("sub-1_T1w", "auto:sub-1_label-lesion_mask", "manual:sub-1_label-lesion_mask")
    assert list(cohort.cases[0].masks.values()) == ["derivatives/auto/sub-1/anat/sub-1_label-lesion_mask.nii.gz"]
    assert cohort.notes == (
        "masks whose name another mask of the image has, left out: 1 "
        "(derivatives/manual/sub-1/anat/sub-1_label-lesion_mask.nii.gz)",
    )


def test_a_mask_that_may_be_of_several_images_is_told(bids):
    cohort = bids("sub-1_T1w", "sub-1_T2w", "x:sub-1_label-lesion_mask", "sub-1_task-a_bold")
    assert {name for name, masks in masks_of(cohort).items() if masks} == {"sub-1_T1w", "sub-1_T2w"}
    assert cohort.notes == ("masks whose names fit several images, given to each: 1 (sub-1_label-lesion_mask.nii.gz)",)


def test_many_are_counted_and_five_are_named(bids):
    derived = [f"p:sub-{n}_desc-preproc_T1w" for n in range(1, 8)]
    (note,) = bids("sub-1_T1w", *derived).notes
    assert note.startswith("derived images, left out: 7 (sub-1_desc-preproc_T1w.nii.gz, ")
    assert note.count("preproc") == 5


def test_a_participant_that_is_described_twice(bids, tmp_path):
    table = tmp_path / "participants.tsv"
    table.write_text("participant_id\tage\nsub-1\t61\nsub-1\t61\n")
    assert bids("sub-1_T1w").cases[0].facts["age"] == 61
    table.write_text("participant_id\tage\nsub-1\t61\nsub-1\t16\n")
    with pytest.raises(InputError, match="line 3 contradicts an earlier line about the same participant"):
        bids("sub-1_T1w")


def test_auto_does_not_take_bids_with_flair_for_brats(bids, tmp_path):
    bids("sub-7_T1w", "sub-7_acq-hi_FLAIR", "pipe:sub-7_label-tumour_mask")
    cohort = build_cohort("auto", tmp_path)
    assert cohort.notes[0] == "recognised as layout bids"
    assert {case.id: case.patient for case in cohort} == {"sub-7_T1w": "sub-7", "sub-7_acq-hi_FLAIR": "sub-7"}


@pytest.mark.parametrize(("layout", "name"), [("brats", "x_t1"), ("acdc", "x_4d")])
def test_volumes_of_other_names_are_said(layout, name, tmp_path):
    for file in (name, "x_dose"):
        nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), tmp_path / f"{file}.nii.gz")
    assert "files with other names, left out: 1 (x_dose.nii.gz)" in build_cohort(layout, tmp_path).notes
