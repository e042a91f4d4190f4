import os
import time
from pathlib import Path

import pytest

from vesalius.app.jobs import CancelledError, JobError, Jobs
from vesalius.errors import InputError, UsageError


@pytest.fixture
def jobs(tmp_path):
    running = Jobs(tmp_path)
    yield running
    running.close()


def twice(number, report):
    report(0.5, "half")
    return 2 * number, os.getpid()


def sleeps(seconds, report):
    report(0.1, "asleep")
    time.sleep(seconds)


def refuses(path, report):
    raise InputError("is empty", where=path, fix="copy it again")


def breaks(report):
    raise KeyError("secret")


def dies(report):
    os._exit(9)


def test_a_job_runs_in_another_process_and_reports(jobs):
    job = jobs.submit("me", twice, 4)
    seen = list(job.watched(0.01))
    doubled, process = job.result()
    assert doubled == 8
    assert process != os.getpid()
    assert seen[0][1] in ("Waiting for other jobs", "Starting", "half")


def test_users_take_turns_and_get_their_own_results(jobs):
    both = [jobs.submit(name, twice, number) for number, name in enumerate(("one", "other"))]
    assert [job.result()[0] for job in both] == [0, 2]


def test_a_second_job_of_a_user_is_refused_until_the_first_ends(jobs):
    first = jobs.submit("me", sleeps, 600)
    with pytest.raises(UsageError, match="has not ended"):
        jobs.submit("me", twice, 1)
    assert jobs.cancel("me")
    with pytest.raises(CancelledError):
        first.result()
    assert jobs.submit("me", twice, 1).result()[0] == 2


def test_running_and_waiting_jobs_are_cancelled_others_go_on(jobs):
    running, waiting, other = (
        jobs.submit(name, sleeps, seconds) for name, seconds in (("a", 600), ("b", 600), ("c", 0))
    )
    assert jobs.cancel("b")
    assert jobs.cancel("a")
    for job in (running, waiting):
        with pytest.raises(CancelledError):
            job.result()
    assert other.result() is None
    assert not jobs.cancel("nobody")


def test_failures_are_lines(jobs, tmp_path, capfd):
    with pytest.raises(JobError, match=r"^scan\.nii: is empty; copy it again$"):
        jobs.submit("me", refuses, str(tmp_path / "scan.nii")).result()
    with pytest.raises(JobError, match="unforeseen KeyError") as caught:
        jobs.submit("me", breaks).result()
    assert "secret" not in str(caught.value)
    with pytest.raises(JobError, match="ended early"):
        jobs.submit("me", dies).result()
    assert jobs.submit("me", twice, 3).result()[0] == 6
    assert "KeyError" in capfd.readouterr().err


def test_closing_ends_what_runs(tmp_path):
    jobs = Jobs(Path(tmp_path))
    job = jobs.submit("me", sleeps, 600)
    jobs.close()
    with pytest.raises(CancelledError):
        job.result()
