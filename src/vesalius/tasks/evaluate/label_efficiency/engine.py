"""Where cells run: one after the other in this process, or several at once on a Ray cluster.

Both train a cell in the same way with the same number of threads, so they give the same numbers.
"""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vesalius.errors import MissingExtraError, UsageError
from vesalius.tasks.evaluate.label_efficiency.cell import Training, run_training
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions

Outcome = tuple[Training, str | None]
"""A cell, and why it failed."""
_MIB = 2**20
_TIMEOUT_S = 10.0


def check_engine(options: EfficiencyOptions) -> None:
    """Raise MissingExtraError where Ray is asked for and is not installed; import nothing."""
    if options.engine == "ray" and importlib.util.find_spec("ray") is None:
        raise MissingExtraError("--engine ray needs Ray", extra="scale")


def outcomes(trainings: Sequence[Training], options: EfficiencyOptions) -> Iterator[Outcome]:
    """Train cells and yield each when it is finished.

    Raises:
        UsageError: the Ray cluster does not answer, or none of its machines has the threads of a cell.
    """
    if options.engine == "ray" and trainings:
        return _on_ray(trainings, options.address)
    return ((training, run_training(training)) for training in trainings)


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
