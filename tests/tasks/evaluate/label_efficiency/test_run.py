"""A whole run of 2 shares x 2 seeds x 2 arms."""

import csv
import importlib.util
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tasks.evaluate.label_efficiency.small import OPTIONS, make_config
from vesalius.errors import ConfigError, OutputError, UsageError
from vesalius.tasks.evaluate.label_efficiency.run import label_efficiency, lines
from vesalius.training.loop import Loop

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (extra scale)")


def rerun(study, folder, **changes):
    heard = []
    given = {"options": OPTIONS, "resume": True, **changes}
    options = given.pop("options")
    result = label_efficiency(
        study.config, folder, study.words, options, device="cpu", threads=1, progress=heard.append, **given
    )
    return result, heard


@pytest.fixture
def copy(study, tmp_path):
    return shutil.copytree(study.out, tmp_path / "copy")


def test_the_table_says_what_the_runs_of_the_cells_say(study):
    with (study.out / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        name = f"{float(row['percent']):g}_percent-seed_{row['seed']}-{row['arm']}"
        cell = json.loads((study.out / "cells" / name / "summary.json").read_text())["results"]
        assert float(row["auroc"]) == cell["auroc"]["value"]
        assert cell["part"] == "test"
    points = study.result.results["points"]
    assert [(point["percent"], point["arm"]) for point in points[:2]] == [(30.0, "scratch"), (30.0, "pretrained")]
    assert points[0]["value"] == np.mean([float(row["auroc"]) for row in rows if row["percent"] == "30.0"][:2])
    assert points[0]["patients"] == 7
    difference = study.result.results["differences"][0]
    assert difference["value"] == pytest.approx(points[1]["value"] - points[0]["value"])
    assert any("from scratch" in line for line in lines(study.result))


def test_a_cell_that_was_deleted_is_trained_again_to_the_same_table(study, copy):
    shutil.rmtree(copy / "cells" / "100_percent-seed_0-pretrained")
    result, heard = rerun(study, copy)
    assert heard[:2] == ["7 of 8 cells are finished already", "1 of 1 cells: 100_percent-seed_0-pretrained"]
    assert (copy / "table.csv").read_bytes() == (study.out / "table.csv").read_bytes()
    assert result.results == study.result.results


def test_an_interrupted_cell_goes_on_from_its_state(study, copy, monkeypatch):
    name = "100_percent-seed_0-scratch"
    shutil.rmtree(copy / "cells" / name)
    step = Loop.step

    def interrupted(self, batches):
        if self.progress.step == 1:
            self._write("last")
            raise KeyboardInterrupt
        return step(self, batches)

    monkeypatch.setattr(Loop, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rerun(study, copy)
    assert (copy / "cells" / name / "last").is_dir()
    steps = []
    monkeypatch.setattr(Loop, "step", lambda self, batches: (steps.append(self.progress.step), step(self, batches))[1])
    result, _ = rerun(study, copy)
    assert steps == [1]
    assert result.results == study.result.results


def test_shares_and_seeds_may_be_added_but_keys_may_not_change(study, copy):
    result, heard = rerun(study, copy, options=replace(OPTIONS, shares=(30.0, 60.0), seeds=(0,)))
    assert heard[0] == "2 of 4 cells are finished already"
    assert result.results["cells"] == 4
    with pytest.raises(ConfigError, match=r"arms\.scratch\.batch: was 8 when this run began and is 4 now"):
        label_efficiency(study.config, copy, [*study.words, "batch=4"], OPTIONS, resume=True, device="cpu")


def test_a_folder_is_neither_overwritten_nor_taken_from_another_command(study, copy, tmp_path):
    with pytest.raises(OutputError, match="exists already"):
        rerun(study, copy, resume=False)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not the folder of a run"):
        rerun(study, foreign, resume=False, force=True)


def test_a_cell_that_fails_is_listed_and_the_rest_goes_on(study, tmp_path):
    options = replace(OPTIONS, shares=(100.0,))
    words = [*study.words, "pretrained:train.optimizer.lr=1e30"]
    result = label_efficiency(study.config, tmp_path / "out", words, options, device="cpu", threads=1)
    assert [failure["path"] for failure in result.failed] == [
        "100_percent-seed_0-pretrained",
        "100_percent-seed_1-pretrained",
    ]
    assert [point["arm"] for point in result.results["points"]] == ["scratch"]
    assert result.notes[0].startswith("2 cells failed")


def test_each_fold_is_measured_by_models_that_did_not_see_it(tmp_path):
    config = make_config(tmp_path, folds=3)
    options = replace(OPTIONS, arms=("scratch",), shares=(100.0,), seeds=(0,), on="folds")
    result = label_efficiency(config, tmp_path / "out", (), options, device="cpu", threads=1)
    assert (result.results["samples"], result.results["patients"], result.results["cells"]) == (47, 47, 3)


def test_too_few_patients_for_any_share_is_one_line(tmp_path):
    config = make_config(tmp_path)
    options = replace(OPTIONS, arms=("scratch",), shares=(1.0,))
    with pytest.raises(UsageError) as caught:
        label_efficiency(config, tmp_path / "out", (), options, device="cpu")
    assert str(caught.value).startswith("--shares: no share can be trained: 1 patient does not hold both labels of")
    assert not (tmp_path / "out").exists()


@needs_ray
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_ray_gives_the_numbers_of_one_process(study):
    """One cell is trained again on a cluster of this machine, in a process of its own, which starts from weights."""
    again, cell = study.folder / "ray", "100_percent-seed_1-pretrained"
    shutil.copytree(study.out, again)
    shutil.rmtree(again / "cells" / cell)
    lines = []
    options = replace(OPTIONS, engine="ray")
    result = label_efficiency(
        study.config, again, study.words, options, resume=True, device="cpu", threads=1, progress=lines.append
    )
    assert lines[:2] == ["7 of 8 cells are finished already", f"1 of 1 cells: {cell}"]
    assert (again / "cells" / cell / "report.html").is_file()
    assert result.failed == []
    assert result.results == study.result.results
    assert (again / "table.csv").read_bytes() == (study.out / "table.csv").read_bytes()
