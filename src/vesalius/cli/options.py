"""Options that verbs share, each declared once."""

from __future__ import annotations

import importlib.util
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vesalius.errors import MissingExtraError


class Device(StrEnum):
    """Where nets run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, progress on stderr.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]
Threads = Annotated[int, typer.Option("--threads", min=1, max=1024, help="Threads to use.", show_default="all cores")]
Series = Annotated[str | None, typer.Option("--series", metavar="UID", help="DICOM series to pick (or the UID's end).")]
Cache = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Folder of the key for DICOM UIDs.", show_default=False)
]
Vectors = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Where vectors are kept.", show_default="the user's")
]
OnDevice = Annotated[Device, typer.Option("--device", help="auto: a GPU where there is one.")]
Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.", show_default=False)]


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def needs_torch() -> None:
    """Raise MissingExtraError where nets cannot run; imports none of them."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "accelerate", "safetensors", "monai")):
        raise MissingExtraError("this needs PyTorch", extra="nets")
