import sys

import pytest

from vesalius.errors import MissingExtraError
from vesalius.training.trackers import make_trackers


class Points:
    """Stands for TensorBoard's writer and for MLflow."""

    def __init__(self, *words, **more):
        self.points = []

    def add_scalar(self, name, value, step):
        self.points.append((name, value, step))

    def close(self):
        self.points.append("closed")


def test_numbers_go_to_tensorboard(tmp_path, monkeypatch):
    module = type(sys)("torch.utils.tensorboard")
    module.SummaryWriter = Points
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    (tracker,) = make_trackers(("tensorboard",), tmp_path)
    tracker.add({"step": 3, "kind": "train", "loss": 0.5, "note": "x"})
    tracker.close()
    assert tracker._writer.points == [("train/loss", 0.5, 3), "closed"]


def test_numbers_go_to_mlflow(tmp_path, monkeypatch):
    told = []
    module = type(sys)("mlflow")
    module.set_tracking_uri = lambda uri: told.append(uri)
    module.start_run = lambda run_name: told.append(run_name)
    module.log_metrics = lambda metrics, step: told.append((metrics, step))
    module.end_run = lambda: told.append("end")
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tracker,) = make_trackers(("mlflow",), tmp_path / "..")
    tracker.add({"step": 3, "kind": "validation", "dice": 0.5})
    tracker.close()
    assert told[0].startswith("sqlite:///")
    assert told[2:] == [({"validation/dice": 0.5}, 3), "end"]


@pytest.mark.parametrize(("name", "module"), [("tensorboard", "torch.utils.tensorboard"), ("mlflow", "mlflow")])
def test_what_is_missing_is_said(tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vesalius\[track\]'"):
        make_trackers((name,), tmp_path)
