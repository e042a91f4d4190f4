"""Versions of installed packages, and the command that installs more."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

_OF_NETS = ("nets", "diffusion", "text", "app", "features", "onnx", "dicom", "search", "project")
"""Extras that `make nets` installs."""


def installed(package: str) -> str | None:
    """Return the version of a package; None where it is not installed.

    Example:
        >>> installed("no-such-package") is None
        True
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def install_command(extra: str) -> str:
    """Return the command that adds an extra to the Python that runs now.

    `pip` completes the package that is installed, whether from a wheel or from a checkout, and asks no index for it; in
    a checkout whose environment `make` has made, `make nets` also takes the tested versions.
    """
    checkout = Path(__file__).absolute().parents[2]
    is_made = (checkout / "Makefile").is_file() and Path(sys.prefix).parent == checkout == Path.cwd()
    make = "make nets, or " if is_made and extra in _OF_NETS else ""
    package = f"vesalius[{extra}]" if installed("vesalius") else f"{checkout}[{extra}]"
    python, words = _python(), ["-m", "pip", "install"]
    if find_spec("pip") is None:  # an environment of uv has none
        python, words = "uv", ["pip", "install", "--python", python]
    return make + shlex.join((python, *words, package))


def _python() -> str:
    """Return how a shell calls this Python: by its name if the PATH leads to it, else by its path, the shorter one."""
    for name in ("python", "python3"):
        on_path = shutil.which(name)
        if on_path is not None and Path(on_path).absolute() == Path(sys.executable).absolute():
            return name
    try:
        near = os.path.relpath(sys.executable)
    except ValueError:  # another drive
        return sys.executable
    return sys.executable if near.startswith(os.pardir) else near
