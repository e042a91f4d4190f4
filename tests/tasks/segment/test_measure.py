import math

import numpy as np
import pytest

from tasks.segment.small import AFFINE, SHAPE, blob, make_cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import VesaliusError
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.segment.measure import Unit, measure
from vesalius.tasks.segment.settings import SegmentSettings
from vesalius.tasks.segment.units import units

VOXEL_ML = 1.0 * 1.5 * 2.0 / 1000


class Fixed:
    """Finds the bright ball, and no dark one."""

    def __init__(self, **changes):
        self.settings = SegmentSettings.parse({"labels": {"bright": [4], "dark": [7]}, "patch": [8, 8, 1], **changes})
        self.frames = []

    def classes(self, scans, t=0):
        self.frames.append(t)
        return (scans["image"].values()[0, t] > 130).astype(np.int64)


def run(folder, segmenter, **options):
    return list(measure(segmenter, units(read_manifest(folder / "m.jsonl"), ("mask",)), ("image",), **options))


def test_rows_by_hand(tmp_path):
    make_cohort(tmp_path, ("test",))
    ((case, unit),) = run(tmp_path, Fixed())
    bright, dark = unit.rows
    size = (blob(0)[1] == 4).sum() * VOXEL_ML
    assert (case.id, bright.unit, bright.map, bright.patient) == ("c0", "c0", "mask", 1)
    assert bright.dice == 1
    assert bright.hd95_mm == 0
    assert bright.found_ml == bright.truth_ml == pytest.approx(size)
    assert (dark.dice, dark.found_ml) == (0, 0)
    assert math.isnan(dark.hd95_mm)
    assert unit.picture.picture_JI.shape == SHAPE[1::-1]
    assert unit.picture.spacing_mm == (1.5, 1.0)


def test_regions_instead_of_classes(tmp_path):
    make_cohort(tmp_path, ("test",))
    ((_, unit),) = run(tmp_path, Fixed(regions={"both": ["bright", "dark"]}))
    (row,) = unit.rows
    labels = blob(0)[1]
    found, truth = (labels == 4).sum(), (labels > 0).sum()
    assert row.dice == pytest.approx(2 * found / (found + truth))


def test_a_class_that_the_reference_does_not_hold(tmp_path):
    make_cohort(tmp_path, ("test",))
    write_nifti(tmp_path / "c0_seg.nii.gz", np.where(blob(0)[1] == 7, 7, 0).astype("u1")[None], AFFINE)
    ((_, unit),) = run(tmp_path, Fixed())
    assert [(row.name, row.dice) for row in unit.rows] == [("bright", 0), ("dark", 0)]
    ((_, unit),) = run(tmp_path, Fixed(), absent="unknown")
    assert [row.name for row in unit.rows] == ["dark"]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path):
    make_cohort(tmp_path, ("test", "test"))
    (tmp_path / "c0.nii.gz").write_bytes(b"nothing")
    told = []
    done = run(tmp_path, Fixed(), progress=told.append)
    assert isinstance(done[0][1], VesaliusError)
    assert isinstance(done[1][1], Unit)
    assert told[-1] == "2 of 2 label maps measured"


def test_the_frame_of_a_cine(tmp_path):
    make_cohort(tmp_path, ("test",))
    frames = np.stack([blob(seed)[0] for seed in (3, 0, 5)])
    write_nifti(tmp_path / "c0.nii.gz", frames, AFFINE, 0.04)
    line = (tmp_path / "m.jsonl").read_text().replace('"patient"', '"frames": {"mask": 1}, "patient"')
    (tmp_path / "m.jsonl").write_text(line)
    segmenter = Fixed()
    ((_, unit),) = run(tmp_path, segmenter)
    assert segmenter.frames == [1]
    assert unit.rows[0].dice == 1


def test_voxels_that_nobody_labelled_do_not_count(tmp_path):
    make_cohort(tmp_path, ("test",))
    labels = blob(0)[1]
    labels[:6][labels[:6] == 4] = 9
    write_nifti(tmp_path / "c0_seg.nii.gz", labels[None], AFFINE)
    ((_, unit),) = run(tmp_path, Fixed(ignored=[9]))
    assert unit.rows[0].dice == 1
    assert unit.rows[0].found_ml == pytest.approx((labels == 4).sum() * VOXEL_ML)


def test_nothing_in_mm_without_a_spacing(tmp_path):
    make_cohort(tmp_path, ("test",))
    for name, array in zip(("c0", "c0_seg"), blob(0), strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "m.jsonl").write_text((tmp_path / "m.jsonl").read_text().replace(".nii.gz", ".npy"))
    ((_, unit),) = run(tmp_path, Fixed())
    assert unit.rows[0].dice == 1
    assert all(math.isnan(value) for value in (unit.rows[0].hd95_mm, unit.rows[0].found_ml, unit.rows[0].truth_ml))
