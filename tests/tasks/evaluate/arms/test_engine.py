import importlib.util
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from vesalius.errors import MissingExtraError, UsageError
from vesalius.tasks.evaluate.arms import engine
from vesalius.tasks.evaluate.arms.cell import Training
from vesalius.tasks.evaluate.arms.engine import check_engine, outcomes, train_cells


def test_a_missing_ray_is_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_engine("alone")
    with pytest.raises(MissingExtraError) as caught:
        check_engine("ray")
    assert caught.value.reason == "--engine ray needs Ray; install it with: pip install 'vesalius[scale]'"


def test_nothing_is_started_where_every_cell_is_finished():
    assert list(outcomes([], "ray")) == []


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
    ended = [(training.folder.name, reason) for training, reason in outcomes(trainings("a", "killed", "failed"), "ray")]
    assert ended == [
        ("failed", "the loss is not a number"),
        ("killed", "its process ended (EndedError); run again with --resume"),
        ("a", None),
    ]
    with pytest.raises(UsageError, match=r"--threads: a cell takes 3 threads, and no machine .* more than 2; .* 2$"):
        list(outcomes(trainings("a", threads=3), "ray"))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "localhost:99999"])
def test_a_cluster_that_does_not_answer_is_one_line(address):
    with pytest.raises(UsageError, match="--address: no Ray cluster answers"):
        list(outcomes([object()], "ray", address))


def test_finished_cells_are_left_alone_and_failures_are_returned_by_name(tmp_path, monkeypatch):
    done, failing = (Training("c.yaml", tmp_path / name, (), None, "cpu", 1, tmp_path) for name in ("done", "failing"))
    done.folder.mkdir()
    (done.folder / "report.html").write_text("measured")
    monkeypatch.setattr(engine, "run_training", lambda training: f"{training.folder.name} has no pictures")
    heard = []
    assert train_cells({done: "a", failing: "b"}, heard.append) == {"b": "failing has no pictures"}
    assert heard == ["1 of 2 cells are finished already", "1 of 1 cells: b failed"]
