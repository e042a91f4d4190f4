import pytest

from tasks.segment.small import make_cohort, settings
from vesalius.errors import InputError
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.job import SegmentJob


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
