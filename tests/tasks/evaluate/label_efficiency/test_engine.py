"""Cells on Ray give the numbers of cells alone."""

import importlib.util
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks.evaluate.label_efficiency.small import OPTIONS
from vesalius.errors import MissingExtraError, UsageError
from vesalius.tasks.evaluate.label_efficiency import engine
from vesalius.tasks.evaluate.label_efficiency.cell import Training
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


class EndedError(Exception):
    """As Ray raises it where a process ended."""


class FakeRay:
    """A cluster of one machine, whose last task is ready first and whose process of one cell ends."""

    exceptions = SimpleNamespace(RayError=EndedError, RayTaskError=ZeroDivisionError)

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 64.0}}]

    def remote(self, **resources):
        assert resources == {"num_cpus": 2, "num_gpus": 0}
        return lambda function: SimpleNamespace(remote=lambda training: training.folder.name)

    def wait(self, references):
        return references[-1:], references[:-1]

    def get(self, reference):
        if reference == "killed":
            raise EndedError
        return "the loss is not a number" if reference == "failed" else None


def trainings(*names, threads=2):
    return [Training("c.yaml", Path(name), (), None, "cpu", threads, Path()) for name in names]


def test_cells_come_as_they_are_finished_and_the_end_of_a_process_is_a_failure(monkeypatch):
    monkeypatch.setattr(engine, "_cluster", lambda address: nullcontext(FakeRay()))
    ended = [(training.folder.name, reason) for training, reason in outcomes(trainings("a", "killed", "failed"), RAY)]
    assert ended == [
        ("failed", "the loss is not a number"),
        ("killed", "its process ended (EndedError); run again with --resume"),
        ("a", None),
    ]
    with pytest.raises(UsageError, match=r"--threads: a cell takes 3 threads, and no machine .* more than 2; .* 2$"):
        list(outcomes(trainings("a", threads=3), RAY))


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


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "localhost:99999"])
def test_a_cluster_that_does_not_answer_is_one_line(address):
    with pytest.raises(UsageError, match="--address: no Ray cluster answers"):
        list(outcomes([object()], EfficiencyOptions(engine="ray", address=address)))
