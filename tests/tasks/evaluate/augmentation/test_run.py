"""A whole run of 3 arms x 2 seeds."""

import csv
import json
import shutil
from dataclasses import replace

import pytest

from tasks.evaluate.augmentation.small import OPTIONS, make_synthetic
from vesalius.errors import ConfigError, OutputError, UsageError
from vesalius.tasks.evaluate.augmentation.run import evaluate_augmentation, lines


def rerun(study, folder, words=(), **changes):
    heard = []
    given = {"options": OPTIONS, "resume": True, "synthetic": study.synthetic, **changes}
    options, synthetic = given.pop("options"), given.pop("synthetic")
    result = evaluate_augmentation(
        study.config, synthetic, folder, words, options, device="cpu", threads=1, progress=heard.append, **given
    )
    return result, heard


@pytest.fixture
def copy(study, tmp_path):
    return shutil.copytree(study.out, tmp_path / "copy")


def test_the_table_says_what_the_runs_of_the_cells_say(study):
    with (study.out / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    for row in rows:
        folder = study.out / "cells" / f"{row['arm']}-seed_{row['seed']}"
        cell = json.loads((folder / "summary.json").read_text())["results"]
        assert float(row["accuracy"]) == cell["one_class"]["accuracy"]["value"]
        assert (cell["part"], cell["steps"]) == ("test", int(row["steps"]))
    assert {row["steps"] for row in rows} == {"6"}
    assert {(row["arm"], row["real"], row["synthetic"]) for row in rows} == {
        ("real", "30", "0"),
        ("classical", "30", "0"),
        ("synthetic", "30", "30"),
    }
    pairs = [(one["arm"], one["minus"]) for one in study.result.results["differences"]]
    assert pairs == [("classical", "real"), ("synthetic", "real"), ("synthetic", "classical")]
    assert (study.result.results["samples"], study.result.results["patients"]) == (15, 15)
    assert any(line.startswith("Synthetic pictures ") for line in lines(study.result))
    assert "Synthetic pictures" in (study.out / "report.html").read_text()


def test_a_rerun_trains_what_is_missing_and_gives_the_same_table(study, copy):
    shutil.rmtree(copy / "cells" / "synthetic-seed_1")
    result, heard = rerun(study, copy)
    assert heard[:2] == ["5 of 6 cells are finished already", "1 of 1 cells: synthetic-seed_1"]
    assert (copy / "table.csv").read_bytes() == (study.out / "table.csv").read_bytes()
    assert result.results == study.result.results


def test_an_arm_may_be_left_out_but_nothing_may_change(study, copy):
    result, _ = rerun(study, copy, options=replace(OPTIONS, seeds=(1,), measure="auroc"))
    assert [one["seeds"].keys() for one in result.results["arms"]] == [{"1"}] * 3
    with pytest.raises(ConfigError, match=r"arms\.real\.batch: was 8 when this run began and is 4 now"):
        rerun(study, copy, ["batch=4"])
    with pytest.raises(UsageError, match="the cases have changed since this run began"):
        rerun(study, copy, synthetic=make_synthetic(study.folder / "others", caption="another"))
    with pytest.raises(OutputError, match="exists already"):
        rerun(study, copy, resume=False)


def test_a_cell_that_fails_is_listed_and_the_rest_goes_on(study, copy):
    manifest = copy / "cases" / "synthetic.csv"
    shutil.rmtree(copy / "cells" / "synthetic-seed_0")
    broken = study.folder / "synthetic" / "s.npy"
    kept = broken.read_bytes()
    try:
        broken.write_bytes(b"")
        result, _ = rerun(study, copy)
    finally:
        broken.write_bytes(kept)
    assert manifest.exists()
    assert [failure["path"] for failure in result.failed] == ["synthetic-seed_0"]
    assert any(note.startswith("1 cell failed") for note in result.notes)
    by_arm = {one["arm"]: list(one["seeds"]) for one in result.results["arms"]}
    assert by_arm == {"real": ["0", "1"], "classical": ["0", "1"], "synthetic": ["1"]}
