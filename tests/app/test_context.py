from pathlib import Path

import pytest

from app.test_jobs import refuses, sleeps
from vesalius.app.context import Context
from vesalius.app.jobs import Jobs
from vesalius.app.models import Models
from vesalius.app.workspace import Workspace


def into(name, folder, report):
    report(0.5, "writing")
    Path(folder, name).write_text(name)
    return folder


def refused(folder, report):
    refuses(f"{folder}/scan.nii", report)


def slow(folder, report):
    sleeps(600, report)


@pytest.fixture
def context(tmp_path):
    space = Workspace(tmp_path)
    made = Context(Models(), space, Jobs(space.root))
    yield made
    made.jobs.close()
    space.close()


def test_a_job_gets_a_folder_and_ends_with_its_result(context):
    *_, (line, folder) = context.run("me", "predict", into, "a")
    assert "Done" in line
    assert Path(folder, "a").read_text() == "a"


def test_an_error_is_a_line_of_html(context):
    *_, (line, result) = context.run("me", "predict", refused)
    assert result is None
    assert "scan.nii: is empty" in line
    assert str(context.workspace.root) not in line


def test_leaving_cancels(context):
    for line, _ in context.run("me", "predict", slow):
        if "asleep" in line:
            assert "Cancelling" in context.cancel("me")
            context.leave("me")
    assert "Cancelled" in line
    assert "nothing to cancel" in context.cancel("me")
