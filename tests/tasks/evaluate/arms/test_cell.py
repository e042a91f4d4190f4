import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tasks.evaluate.label_efficiency.small import OPTIONS, make_config
from vesalius.tasks.evaluate.arms.cell import Training, run_training
from vesalius.tasks.evaluate.label_efficiency.plan import CellPlan


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cell")
    config = make_config(folder, train={"epochs": 6, "schedule": {"warmup_epochs": 2}})
    plan = CellPlan(config, (), replace(OPTIONS, arms=("scratch",), shares=(30.0,), seeds=(0,)))
    plan.write(folder)
    (cell,) = plan.cells(folder)
    return Training(str(config), folder / "run", cell.words, cell.budget, "cpu", 1, Path.cwd())


def test_a_cell_trains_for_the_steps_and_the_warm_up_of_all_patients_and_leaves_no_weights(training):
    training.folder.mkdir()
    (training.folder / "files.json").write_text("[]")  # interrupted before it began
    assert not training.is_done
    assert run_training(training) is None
    assert training.is_done
    config = yaml.safe_load((training.folder / "config.yaml").read_text())["train"]
    assert config["max_steps"] == training.budget.steps == 12
    assert config["epochs"] == math.ceil(12 / 1)  # one step of 7 pictures an epoch
    assert (config["schedule"]["warmup_steps"], config["schedule"]["warmup_epochs"]) == (4, 0)
    rows = (training.folder / "metrics.jsonl").read_text().splitlines()
    assert sum('"validation"' in row for row in rows) == 1
    assert not {"last", "best", "model"} & {path.name for path in training.folder.iterdir()}


def test_a_cell_that_cannot_be_trained_says_why(training):
    failing = replace(training, folder=training.folder.with_name("other"), words=(*training.words, "batch=0"))
    assert "batch" in run_training(failing) or "0 was given" in run_training(failing)
    shutil.rmtree(failing.folder, ignore_errors=True)
