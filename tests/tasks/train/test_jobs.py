import importlib
import subprocess
import sys

import pytest

from vesalius.config import load_config
from vesalius.errors import ConfigError, InputError
from vesalius.tasks.job import Job
from vesalius.tasks.train.jobs import JOBS, config_names, find_config, job_class

NEEDS = {
    "detect/head_from_embeddings": ["data.embeddings=x.npy", "data.labels=y.npy"],
    "detect/head_ct_phantom": ["data.manifest=m.jsonl", "data.encoder=encoder"],
    "detect/rsna": ["data.manifest=m.jsonl", "data.encoder=e"],
    **{
        f"tokenize/titok_{size}_{stage}": ["data.manifest=m.jsonl", more]
        for size in ("cpu", "s128", "b64", "l32")
        for stage, more in (("stage1", "method.proxy=vqgan"), ("stage2", "init_from.model=stage1"))
    },
}
"""What a configuration leaves to the command line, where that is not the manifest."""


@pytest.mark.parametrize("name", JOBS)
def test_every_name_is_a_job(name):
    assert issubclass(job_class(name), Job)


def test_unknown_jobs_and_configurations():
    with pytest.raises(ConfigError, match="task: segmnt: no such job; did you mean 'segment'"):
        job_class("segmnt")
    with pytest.raises(ConfigError, match="task: the configuration names no job; choose one of"):
        job_class(None)
    with pytest.raises(ConfigError, match="no such job"):
        job_class(["segment"])
    with pytest.raises(InputError, match="neither a file nor a configuration"):
        find_config("segment/nothing")


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """own_module(code): a module of that code in the current folder, imported by nothing yet; gives its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    name = "a_job_of_a_test"

    def make(code):
        (tmp_path / f"{name}.py").write_text(code)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return name

    yield make
    sys.modules.pop(name, None)


def test_a_job_of_ones_own_lies_in_the_current_folder(own_module):
    name = own_module("from vesalius.tasks.job import Job\nclass Mine(Job): ...\n")
    assert job_class(f"{name}:Mine").__name__ == "Mine"
    assert issubclass(job_class(f"{name}:Mine"), Job)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", "'a_job_of_a_test' has no such class; derive a class from vesalius.tasks.job.Job"),
        ("class Mine: ...", "'a_job_of_a_test' has it, but it is no Job; derive"),
        ("Mine = 3", "'a_job_of_a_test' has it, but it is no Job; derive"),
        ("import nothing_called_so", "cannot be imported (ModuleNotFoundError: No module named 'nothing_called_so')"),
        ("class Mine(", "cannot be imported (SyntaxError: "),
        ("1 / 0", "cannot be imported (ZeroDivisionError: division by zero); install it"),
    ],
)
def test_what_is_wrong_with_a_job_of_ones_own_is_one_line(own_module, code, told):
    with pytest.raises(ConfigError) as caught:
        job_class(f"{own_module(code)}:Mine")
    assert str(caught.value).startswith("task: a_job_of_a_test:Mine: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", ["nothing_called_so:Mine", ":Mine", "vesalius.tasks.job:", ":"])
def test_no_module_or_no_class_is_one_line(task):
    with pytest.raises(ConfigError, match=f"task: {task}: "):
        job_class(task)


@pytest.mark.parametrize("name", config_names())
def test_every_shipped_configuration_is_valid(name):
    path = find_config(name)
    text = path.read_text(encoding="utf-8")
    task = next(line.split()[1] for line in text.splitlines() if line.startswith("task:"))
    config = load_config(job_class(task).Config, path, NEEDS.get(name, ["data.manifest=m.jsonl"]))
    assert config.task == task


def test_names_need_no_torch():
    code = "import sys; import vesalius.tasks.train.jobs as j; j.config_names(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
