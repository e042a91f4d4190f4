import json

import pytest
import yaml

from tasks.segment.small import make_cohort, settings

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def run(vesalius):
    """run(CONFIG, ...): exit code, stdout and stderr of `vesalius train ...`."""

    def command(*words):
        done = vesalius("train", *words)
        return done.code, done.out, done.err

    return command


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(settings(make_cohort(tmp_path / "data"))))
    return path


def test_a_run(run, config, tmp_path):
    code, out, err = run(config, "-o", tmp_path / "run", "train.epochs=1", "--json", "--device", "cpu")
    assert code == 0, err
    told = json.loads(out)
    assert told["results"]["part"] == "test"
    assert "step 10 of 10: dice" in err
    code, out, err = run(config, "-o", tmp_path / "run", "train.epochs=1")
    assert (code, out) == (2, "")
    assert err.splitlines() == [err.strip()]
    assert "pass --resume or --force" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nothing.yaml", "-o", "x"), "neither a file nor a configuration that comes with the package"),
        (("segment/hippocampus", "-o", "x"), "data.manifest: is required and missing"),
        (("segment/hippocampus", "-o", "x", "data.manifest=none.jsonl"), "none.jsonl"),
        (("segment/hippocampus", "data.manifest=none.jsonl"), "-o RUN: is missing"),
        (("segment/hippocampus", "-o", "x", "trian.epochs=2"), "trian: no such key; did you mean 'train'?"),
    ],
)
def test_one_line_for_what_a_user_can_cause(run, words, told):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
