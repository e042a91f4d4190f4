"""The configuration for gliomas on folders in the layouts of BraTS, from files to measures of the regions."""

import numpy as np
import pytest

from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.cohort.split import split_cohort
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.train.run import train

SMALL = ["prepare.spacing_mm=null", "patch=[16, 16, 8]", "net.channels=[8, 16]", "repeats=8", "train.epochs=4"]
QUICK = ["train.schedule.warmup_steps=1", "train.optimizer.lr=0.01", "train.validate_every=4", "train.ema_decay=null"]

UME = ["patch=[16, 16, 8]", "repeats=8", "train.epochs=4", "net.channels=8"]
UME_ENCODER = ["size=micro", "patch=8", "picture=16", "max_keyframes=3"]


def write_patient(folder, words, enhancing, seed):
    draw = np.random.default_rng(seed)
    labels = np.zeros((18, 18, 10), np.uint8)
    labels[3:14, 4:14, 2:8] = 2
    labels[5:11, 5:11, 3:7] = 1
    labels[6:9, 6:9, 4:6] = enhancing
    folder.mkdir(parents=True)
    for number, word in enumerate(words):
        shown = 200 + 50 * ((number + labels) % 4) + draw.normal(0, 3, labels.shape)
        write_nifti(folder / f"{folder.name}-{word}.nii.gz", shown[None].astype("f4"), np.diag([1.0, 1, 1, 1]))
    write_nifti(folder / f"{folder.name}-seg.nii.gz", labels[None], np.diag([1.0, 1, 1, 1]))


@pytest.mark.parametrize(
    ("name", "words", "enhancing"),
    [("BraTS-GLI-{:05d}-000", ("t1n", "t1c", "t2w", "t2f"), 3), ("BraTS2021_{:05d}", ("t1", "t1ce", "t2", "flair"), 4)],
)
def test_regions_of_both_numberings(tmp_path, name, words, enhancing):
    for number in range(3):
        write_patient(tmp_path / "data" / name.format(number), words, enhancing, number)
    cohort = split_cohort(build_cohort("brats", tmp_path / "data"), (0.34, 0.33, 0.33), seed=0)
    manifest = write_manifest(cohort, tmp_path / "data" / "brats.jsonl")
    overrides = [f"data.manifest={manifest}", *SMALL, *QUICK]
    done = train("segment/brats_fast", tmp_path / "run", overrides, device="cpu", threads=1)
    classes = done.results["classes"]
    assert list(classes) == ["whole_tumour", "tumour_core", "enhancing_tumour"]
    assert classes["whole_tumour"]["dice"] > 0.6
    assert classes["whole_tumour"]["patients"] == 1


def test_the_frames_of_ume_are_slices(tmp_path):
    for number in range(3):
        write_patient(tmp_path / "data" / f"BraTS2021_{number:05d}", ("t1", "t1ce", "t2", "flair"), 4, number)
    cohort = split_cohort(build_cohort("brats", tmp_path / "data"), (0.34, 0.33, 0.33), seed=0)
    manifest = write_manifest(cohort, tmp_path / "data" / "brats.jsonl")
    encoder = [f"net.encoder.{key}" for key in UME_ENCODER]
    quick = ["train.schedule.warmup_epochs=0", "train.optimizer.lr=0.01", "train.validate_every=4"]
    overrides = [f"data.manifest={manifest}", *UME, *encoder, *quick]
    done = train("segment/brats_ume", tmp_path / "run", overrides, device="cpu", threads=1)
    classes = done.results["classes"]
    assert list(classes) == ["whole_tumour", "tumour_core", "enhancing_tumour"]
    assert classes["whole_tumour"]["dice"] > 0.6
