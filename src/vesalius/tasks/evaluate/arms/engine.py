"""Where cells run: one after the other in this process, or several at once on a Ray cluster.

Both train a cell in the same way with the same number of threads, so they give the same numbers.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from vesalius.errors import MissingExtraError, UsageError
from vesalius.tasks.evaluate.arms.cell import Training, run_training
from vesalius.training.estimate import duration
from vesalius.wording import Progress

Engine = Literal["alone", "ray"]
Outcome = tuple[Training, str | None]
"""A cell, and why it failed."""
_MIB = 2**20
_TIMEOUT_S = 10.0


def check_engine(engine: Engine) -> None:
    """Raise MissingExtraError where Ray is asked for and is not installed; import nothing."""
    if engine == "ray" and importlib.util.find_spec("ray") is None:
        raise MissingExtraError("--engine ray needs Ray", extra="scale")


def outcomes(trainings: Sequence[Training], engine: Engine = "alone", address: str | None = None) -> Iterator[Outcome]:
    """Train cells and yield each when it is finished.

    Args:
        trainings: the cells.
        engine: alone in this process, or on a Ray cluster.
        address: of the cluster; None: one of this machine alone.

    Raises:
        UsageError: the Ray cluster does not answer, or none of its machines has the threads of a cell.
    """
    if engine == "ray" and trainings:
        return _on_ray(trainings, address)
    return ((training, run_training(training)) for training in trainings)


def train_cells(
    names: Mapping[Training, str], progress: Progress, engine: Engine = "alone", address: str | None = None
) -> dict[str, str]:
    """Train the cells that are not finished.

    Args:
        names: cell -> its name.
        progress: callback that receives a line for each cell.
        engine: see `outcomes`.
        address: see `outcomes`.

    Returns:
        Name -> why it failed.
    """
    waiting = [training for training in names if not training.is_done]
    if len(waiting) < len(names):
        progress(f"{len(names) - len(waiting)} of {len(names)} cells are finished already")
    failures: dict[str, str] = {}
    started = time.monotonic()
    for number, (training, reason) in enumerate(outcomes(waiting, engine, address), start=1):
        if reason is not None:
            failures[names[training]] = reason
        left = (time.monotonic() - started) / number * (len(waiting) - number)
        rest = f", about {duration(left)} left" if number < len(waiting) else ""
        progress(f"{number} of {len(waiting)} cells: {names[training]}{' failed' if reason else ''}{rest}")
    return failures


def _on_ray(trainings: Sequence[Training], address: str | None) -> Iterator[Outcome]:
    with _cluster(address) as ray:
        most = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
        threads, gpus = trainings[0].threads, int(trainings[0].device == "cuda")
        if most < threads:
            what = f"a cell takes {threads} threads, and no machine of the Ray cluster has more than {most:g}"
            raise UsageError(what, where="--threads", fix=f"pass --threads {max(1, int(most))}")
        remote = ray.remote(num_cpus=threads, num_gpus=gpus)(run_training)
        waiting = {remote.remote(training): training for training in trainings}
        while waiting:
            (ready, *_), _ = ray.wait(list(waiting))
            yield waiting.pop(ready), _result(ray, ready)


def _result(ray: Any, reference: Any) -> str | None:
    try:
        reason: str | None = ray.get(reference)
    except ray.exceptions.RayTaskError:
        raise  # a bug: its traceback is that of the cell
    except ray.exceptions.RayError as error:
        return f"its process ended ({type(error).__name__}); run again with --resume"
    return reason


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Connect to a cluster, or start one of this machine that only listens here."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no statistics are sent
    quiet = {"logging_level": "ERROR", "log_to_driver": False, "configure_logging": False}
    if address is None:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # loopback addresses, on Linux too
    else:
        _check_answers(address)
    import ray

    try:
        if address is None:
            ray.init(address="local", include_dashboard=False, object_store_memory=100 * _MIB, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_answer(error) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse HOST:PORT where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), _TIMEOUT_S).close()
        except (OSError, OverflowError) as error:
            raise _no_answer(error) from error


def _no_answer(error: Exception) -> UsageError:
    what = f"no Ray cluster answers ({type(error).__name__})"
    return UsageError(what, where="--address", fix="start one with ray start --head, or leave it out")
