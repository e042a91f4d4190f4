"""Cells on Ray give the numbers of cells alone."""

import importlib.util
import shutil
from dataclasses import replace

import pytest

from tasks.evaluate.label_efficiency.small import OPTIONS
from vesalius.errors import MissingExtraError, UsageError
from vesalius.tasks.evaluate.label_efficiency.engine import check_engine, outcomes
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions
from vesalius.tasks.evaluate.label_efficiency.run import label_efficiency

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (extra scale)")
RAY = EfficiencyOptions(engine="ray")


def test_a_missing_ray_is_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_engine(EfficiencyOptions())
    with pytest.raises(MissingExtraError) as caught:
        check_engine(RAY)
    assert str(caught.value) == "--engine ray needs Ray; install it with: pip install 'vesalius[scale]'"


def test_nothing_is_started_where_every_cell_is_finished():
    assert list(outcomes([], RAY)) == []


@needs_ray
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_ray_gives_the_numbers_of_one_process(study):
    again = study.folder / "ray"
    shutil.copytree(study.out, again)
    for cell in ("30_percent-seed_0-scratch", "100_percent-seed_1-pretrained"):
        shutil.rmtree(again / "cells" / cell)
    lines = []
    options = replace(OPTIONS, engine="ray")
    result = label_efficiency(
        study.config, again, study.words, options, resume=True, device="cpu", threads=1, progress=lines.append
    )
    assert lines[0] == "6 of 8 cells are finished already"
    assert {line.partition(": ")[2].partition(",")[0] for line in lines[1:3]} == {
        "30_percent-seed_0-scratch",
        "100_percent-seed_1-pretrained",
    }
    assert result.failed == []
    assert result.results == study.result.results
    assert (again / "table.csv").read_bytes() == (study.out / "table.csv").read_bytes()


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_does_not_answer_is_one_line(study):
    with pytest.raises(UsageError, match="--address: no Ray cluster answers"):
        list(outcomes([object()], EfficiencyOptions(engine="ray", address="127.0.0.1:1")))
