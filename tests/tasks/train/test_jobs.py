import subprocess
import sys

import pytest

from vesalius.config import load_config
from vesalius.errors import ConfigError, InputError
from vesalius.tasks.job import Job
from vesalius.tasks.train.jobs import config_names, find_config, job_class, job_names

NEEDS = {
    "detect/head_from_embeddings": ["data.embeddings=x.npy", "data.labels=y.npy"],
    "detect/head_ct_phantom": ["data.manifest=m.jsonl", "data.encoder=encoder"],
}
"""What a configuration leaves to the command line, where that is not the manifest."""


@pytest.mark.parametrize("name", job_names())
def test_every_name_is_a_job(name):
    assert issubclass(job_class(name), Job)


def test_unknown_jobs_and_configurations():
    with pytest.raises(ConfigError, match="task: segmnt: names no job; did you mean 'segment'"):
        job_class("segmnt")
    with pytest.raises(ConfigError, match="task: None"):
        job_class(None)
    with pytest.raises(InputError, match="neither a file nor a configuration"):
        find_config("segment/nothing")


@pytest.mark.parametrize("name", config_names())
def test_every_shipped_configuration_is_valid(name):
    path = find_config(name)
    text = path.read_text(encoding="utf-8")
    task = next(line.split()[1] for line in text.splitlines() if line.startswith("task:"))
    config = load_config(job_class(task).Settings, path, NEEDS.get(name, ["data.manifest=m.jsonl"]))
    assert config.task == task


def test_names_need_no_torch():
    code = "import sys; import vesalius.tasks.train.jobs as j; j.config_names(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
