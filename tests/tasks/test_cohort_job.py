"""By the job on volumes, which adds nothing to the cases."""

from tasks.voco.small import make_volumes, table
from vesalius.cohort.cohort import Cohort
from vesalius.tasks.cohort_job import CohortJob
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.job import VocoJob


def test_splits_tasks_and_a_trial_that_keeps_nothing(tmp_path):
    manifest = make_volumes(tmp_path)
    keys = table(manifest)
    keys["data"] |= {"cache": str(tmp_path / "cache")}
    config = VocoConfig.parse(keys)
    job = VocoJob(config)
    assert isinstance(job, CohortJob)
    assert {name: len(part) for name, part in job.parts().items()} == {"train": 4, "val": 2, "test": 2}
    assert job.unseen == "test"
    next(job.trial().batches(0, 0, 0, 1))
    assert not (tmp_path / "cache").exists()
    next(job.task().batches(0, 0, 0, 1))
    assert (tmp_path / "cache").exists()


def test_other_cases_than_those_of_the_manifest(tmp_path):
    config = VocoConfig.parse(table(make_volumes(tmp_path)))
    whole = config.data.cohort()
    cases = [case.model_copy(update={"split": "val" if n == 0 else "train"}) for n, case in enumerate(whole)]
    job = VocoJob(config, Cohort(tuple(cases), whole.root))
    assert {name: len(part) for name, part in job.parts().items()} == {"train": 7, "val": 1, "test": 0}
    assert job.unseen == "val"
