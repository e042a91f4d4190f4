import csv
import json
import subprocess
import sys

import pytest
import torch
import yaml

from tasks.segment.small import make_cohort, settings
from vesalius.errors import ConfigError, OutputError, TrainingError, UsageError, VesaliusError
from vesalius.tasks.job import JobConfig
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.train.run import _check_share, command_of, on_cpu, train


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path, settings(make_cohort(tmp_path / "data")))


def write_config(folder, table):
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(table))
    return path


def numbers(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_into_which_another_run_writes(config, tmp_path, resume):
    """The other run is a process of its own; ours ends with a line and writes nothing."""
    holds = "import sys; from pathlib import Path; from vesalius.output import sole_writer\n"
    holds += "with sole_writer(Path(sys.argv[1])): print('holding', flush=True); sys.stdin.readline()"
    command = [sys.executable, "-c", holds, tmp_path / "run"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "holding\n"
        with pytest.raises(OutputError, match="run: another run is writing there; wait until it ends"):
            train(config, tmp_path / "run", device="cpu", resume=resume, force=True)
        assert list((tmp_path / "run").iterdir()) == []
        other.communicate("\n")


def test_a_whole_run(config, tmp_path):
    told = []
    done = train(config, tmp_path / "run", device="cpu", watch=lambda row, steps: told.append((row["step"], steps)))
    run = tmp_path / "run"
    assert done.results["dice"] > 0.7
    assert done.failed == []
    assert told[-1] == (40, 40)
    for name in ("config.yaml", "env.json", "metrics.jsonl", "summary.json", "table.csv", "report.html"):
        assert (run / name).stat().st_size
    assert {path.name for path in (run / "model").iterdir()} >= {
        "config.json",
        "net.safetensors",
        "preprocessor.json",
    }
    assert {path.name for path in (run / "splits").iterdir()} == {"train.csv", "val.csv", "test.csv"}
    with (run / "splits" / "test.csv").open() as file:
        images = [row["image"] for row in csv.DictReader(file)]
    assert len(images) == 2
    assert all((run / "splits" / image).exists() for image in images)
    page = (run / "report.html").read_text()
    assert "not a medical device" in page.lower()
    assert str(tmp_path) not in page
    assert Segmenter.from_pretrained(run).values.names == ("bright", "dark")
    weights = (run / "model" / "net.safetensors").read_bytes()
    again = train(config, run, resume=True, device="cpu")
    assert again.results == done.results
    assert (run / "model" / "net.safetensors").read_bytes() == weights
    assert "Dice, bright" in (run / "model" / "README.md").read_text()


def test_interrupted_and_resumed_is_unbroken(config, tmp_path):
    train(config, tmp_path / "whole", device="cpu")

    def stop(row, _):
        if row["step"] == 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "broken", ["train.checkpoint_every=3"], device="cpu", watch=stop)
    with pytest.raises(ConfigError, match=r"train.checkpoint_every: was 3 .* and is 200 now"):
        train(config, tmp_path / "broken", resume=True, device="cpu")
    train(config, tmp_path / "broken", ["train.checkpoint_every=3"], resume=True, device="cpu")
    kept = [row for row in numbers(tmp_path / "broken") if row["step"] % 2 == 0]
    assert [row["step"] for row in kept] == [row["step"] for row in numbers(tmp_path / "whole")]
    whole = (tmp_path / "whole" / "model" / "net.safetensors").read_bytes()
    assert (tmp_path / "broken" / "model" / "net.safetensors").read_bytes() == whole


def test_an_existing_folder_is_refused(config, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds notes.txt and is not the folder of a run"):
        train(config, tmp_path / "run", device="cpu")
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_loss_that_is_no_number(config, tmp_path):
    with pytest.raises(TrainingError, match=r"loss is (nan|inf)"):
        train(config, tmp_path / "run", ["train.optimizer.lr=1e30", "train.clip_norm=null"], device="cpu")


def test_wrong_keys(config, tmp_path):
    with pytest.raises(ConfigError, match=r"unet\.chanels: no such key; did you mean 'channels'"):
        train(config, tmp_path / "run", ["net.chanels=[8,16]"], device="cpu")
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_built_leaves_no_folder(config, tmp_path):
    wrong = ["train.seed=1", "data.labels={bright: [4], dark: [9], grey: [7]}"]
    with pytest.raises(VesaliusError):
        train(config, tmp_path / "run", [*wrong, "batch=1000"], device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("batch", [1, 7])
def test_a_batch_that_two_processes_cannot_share(batch):
    class Settings(JobConfig):
        batch: int

    with pytest.raises(UsageError, match=f"batch: {batch} cannot be shared by 2 processes; choose a multiple of 2"):
        _check_share(Settings(task="any", batch=batch), 2)
    _check_share(Settings(task="any", batch=8), 2)
    _check_share(JobConfig(task="any"), 2)


def test_a_moved_patient_is_not_resumed(tmp_path):
    words = {"train__max_steps": 2, "train__epochs": 1}
    table = settings(make_cohort(tmp_path / "data"), **words)
    train(write_config(tmp_path, table), tmp_path / "run", device="cpu")
    make_cohort(tmp_path / "data", ("test", *["train"] * 4, "val", "test", "train"))
    with pytest.raises(UsageError, match=r"case c7 was in test when this run began and is in train now"):
        train(write_config(tmp_path, table), tmp_path / "run", resume=True, device="cpu")


def test_devices():
    assert on_cpu("cpu")
    if not torch.cuda.is_available():
        assert on_cpu("auto")
        with pytest.raises(UsageError, match="no GPU"):
            on_cpu("cuda")


def test_the_command_tells_no_path(tmp_path):
    (tmp_path / "c.yaml").touch()
    shown = command_of(tmp_path / "c.yaml", tmp_path / "run", [f"data.manifest={tmp_path}/m.jsonl", "batch=2"])
    assert shown == "vesalius train c.yaml -o run data.manifest=m.jsonl batch=2"
    shown = command_of("segment/hippocampus", tmp_path / "run", [])
    assert shown == "vesalius train segment/hippocampus -o run"


@pytest.mark.slow  # tests/training has the same of a toy, in CI
def test_two_processes_equal_one(config, tmp_path):
    """Started by torchrun: accelerate launch does that too, but tries a port first, which tests may not."""
    train(config, tmp_path / "one", device="cpu")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = ["-m", "vesalius", "train", str(config), "-o", str(tmp_path / "two"), "--device", "cpu", "-q"]
    ended = subprocess.run([*launch, *words], check=False, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "two" / "env.json").read_text())["processes"] == 2
    one, two = numbers(tmp_path / "one"), numbers(tmp_path / "two")
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for a, b in zip(one[:10], two[:10], strict=True):
        if a["kind"] == "train":
            assert b["loss"] == pytest.approx(a["loss"], rel=1e-4)
        else:
            assert b["dice"] == pytest.approx(a["dice"], abs=1e-3)
