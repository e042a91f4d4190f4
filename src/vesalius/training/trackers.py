"""Trackers besides `metrics.jsonl`: TensorBoard and MLflow, both on this machine only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vesalius.errors import MissingExtraError


class TensorBoard:
    """Scalars in `RUN/tensorboard`."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("the tracker tensorboard is not installed", extra="track") from error
        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def add(self, row: dict[str, Any]) -> None:
        for name, value in _numbers(row):
            self._writer.add_scalar(name, value, row["step"])

    def close(self) -> None:
        self._writer.close()


class MlFlow:
    """A run in `RUN/mlflow`, or at MLFLOW_TRACKING_URI where that is set."""

    def __init__(self, folder: Path) -> None:
        try:
            import mlflow
        except ImportError as error:
            raise MissingExtraError("the tracker mlflow is not installed", extra="track") from error
        import os

        if "MLFLOW_TRACKING_URI" not in os.environ:
            (folder / "mlflow").mkdir(exist_ok=True)
            mlflow.set_tracking_uri(f"sqlite:///{(folder / 'mlflow' / 'runs.db').resolve().as_posix()}")
        self._mlflow = mlflow
        mlflow.start_run(run_name=folder.name)

    def add(self, row: dict[str, Any]) -> None:
        self._mlflow.log_metrics(dict(_numbers(row)), step=row["step"])

    def close(self) -> None:
        self._mlflow.end_run()


def make_trackers(names: tuple[str, ...], folder: Path) -> list[TensorBoard | MlFlow]:
    """Make the trackers of these names.

    Raises:
        MissingExtraError: one is not installed.
    """
    table: dict[str, type[TensorBoard | MlFlow]] = {"tensorboard": TensorBoard, "mlflow": MlFlow}
    return [table[name](folder) for name in names]


def _numbers(row: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in row.items():
        if name != "step" and isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{row['kind']}/{name}", float(value)
