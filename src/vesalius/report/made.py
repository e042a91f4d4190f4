"""How a result was made: command, day, versions; no path, host or user of this machine."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import vesalius
from vesalius.report.page import Made

_PACKAGES = ("numpy", "scipy", "scikit-image", "nibabel", "pydicom", "imagecodecs", "av")


def made(
    command: str, threads: int, facts: Mapping[str, str] | None = None, packages: Sequence[str] = _PACKAGES
) -> Made:
    """The facts that stand at the end of every report.

    Args:
        command: what was typed, with names for paths.
        threads: threads used.
        facts: what else changes the numbers.
        packages: whose versions matter.
    """
    versions = {"vesalius": vesalius.__version__, "python": platform.python_version()}
    machine = f"{threads} on {os.cpu_count()} processors, {platform.machine()}, {platform.system()}"
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return Made(
        command=command,
        date=today,
        versions=versions | {name: _version(name) for name in packages},
        facts={"Threads": machine, **(facts or {})},
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
