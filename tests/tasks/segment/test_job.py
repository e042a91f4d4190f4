import math

import numpy as np
import pytest

from tasks.segment.small import AFFINE, SHAPE, make_cohort, settings
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import InputError
from vesalius.metrics.masks import Measured
from vesalius.phantom.nifti import write_nifti
from vesalius.report.overlay import Outlined
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.job import SegmentJob
from vesalius.tasks.segment.outcome import Unit


@pytest.mark.parametrize(("splits", "part"), [(("train", "val", "test"), "test"), (("train", "val", "val"), "val")])
def test_the_test_split_is_measured_or_the_validation_split(tmp_path, splits, part):
    job = SegmentJob(SegmentConfig.parse(settings(make_cohort(tmp_path / "data", splits))))
    task = job.task()
    task.modules = task.build()
    task.export(tmp_path)
    outcome = job.outcome(tmp_path, "cpu")
    assert outcome.results["part"] == part
    assert len(outcome.rows) == 2 * splits.count(part)
    assert set(outcome.columns) == set(outcome.rows[0])
    assert outcome.figures["held-out.png"].startswith(b"\x89PNG")
    assert set(outcome.measured) == {"Dice, bright", "Dice, dark"}
    assert not outcome.failures


def test_a_missing_manifest(tmp_path):
    with pytest.raises(InputError):
        SegmentJob(SegmentConfig.parse(settings(tmp_path / "none.jsonl")))


def test_a_reference_without_labels_where_absent_is_unknown(tmp_path):
    manifest = make_cohort(tmp_path / "data", ("train", "val", "test", "test"))
    write_nifti(tmp_path / "data" / "c3_seg.nii.gz", np.zeros((1, *SHAPE), np.uint8), AFFINE)
    job = SegmentJob(SegmentConfig.parse(settings(manifest, data__absent="unknown")))
    task = job.task()
    task.modules = task.build()
    task.export(tmp_path)
    outcome = job.outcome(tmp_path, "cpu")
    assert {row["unit"] for row in outcome.rows} == {"c2"}
    assert outcome.figures["held-out.png"].startswith(b"\x89PNG")


def test_no_cavity_found(tmp_path, monkeypatch):
    job = SegmentJob(
        SegmentConfig.parse(settings(make_cohort(tmp_path / "data", ("train", "val", "test")), cavity="dark"))
    )
    picture = Outlined("", np.zeros((4, 4)), np.ones((4, 4), int), np.zeros((4, 4), int), (1.0, 1.0))
    rows = [Measured(f"c/{name}", "1", name, "dark", 0.0, math.nan, math.nan, 0.0, 9.0) for name in ("ED", "ES")]
    monkeypatch.setattr("vesalius.tasks.segment.job.measure", lambda *_, **__: [(None, Unit(tuple(rows), picture))])
    monkeypatch.setattr("vesalius.tasks.segment.job.Segmenter.from_pretrained", lambda *_: None)
    measured = job.outcome(tmp_path, "cpu").measured
    assert measured["Ejection fraction, mean absolute error"] == "- (0 of 1 patients)"


def test_a_trial_leaves_no_cache(tmp_path):
    table = settings(make_cohort(tmp_path / "data", ("train", "val")), data__cache=str(tmp_path / "cache"))
    task = SegmentJob(SegmentConfig.parse(table)).trial()
    next(task.batches(0, 0, 0, 1))
    assert not (tmp_path / "cache").exists()


def test_cases_without_a_mask_are_left_out_and_counted_in_no_part(tmp_path):
    cohort = read_manifest(make_cohort(tmp_path / "data", ("train", "val", "test", "test")))
    cases = [case.model_copy(update={"patient": None}) for case in cohort]
    cases[3] = cases[3].model_copy(update={"masks": {}})
    write_manifest(Cohort(tuple(cases), cohort.root), tmp_path / "data" / "few.jsonl")
    job = SegmentJob(SegmentConfig.parse(settings(tmp_path / "data" / "few.jsonl")))
    assert {name: len(part) for name, part in job.parts().items()} == {"train": 1, "val": 1, "test": 1}
    (note,) = job.notes()
    assert note.endswith("or are in no split of the run: 1 of 4, namely c3")
    task = job.task()
    task.modules = task.build()
    task.export(tmp_path)
    said = []
    job.progress = said.append
    outcome = job.outcome(tmp_path, "cpu")
    assert outcome.tested_on == "1 study (patient unknown) of the test split"
    assert outcome.results["intervals"] == "by study (patients unknown)"
    assert said == ["1 of 1 label maps measured"]
    assert note[1:] in " ".join(block.text for block in outcome.sections[0].blocks if block.kind == "text")
