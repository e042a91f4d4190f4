"""Write a cohort of cine phantoms with its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vesalius.config import from_overrides
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine


def phantom_cine(
    output: Path, patients: int = 5, seed: int = 0, options: Sequence[str] = (), *, force: bool = False
) -> dict[str, Any]:
    """Beating short-axis hearts in the layout of ACDC, with volumes, EF and noise that are known.

    Args:
        output: folder to be made.
        patients: how many.
        seed: the same seed gives the same bytes.
        options: of `CineOptions`, as "noise=0.05".
        force: replace an existing folder.

    Returns:
        {"path", "patients", "groups", "largest_ef_error"}, JSON-able; the error in points of EF.

    Raises:
        ConfigError: a wrong option.
        OutputError: the folder exists or cannot be written.
    """
    chosen = from_overrides(CineOptions, options, {"patients": patients, "seed": seed})
    done = write_cine(output, chosen, force=force)
    return {
        "path": str(output),
        "patients": len(done.patients),
        "groups": done.groups,
        "largest_ef_error": 100 * done.largest_ef_error,
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    groups = ", ".join(f"{count} {name}" for name, count in result["groups"].items())
    yield f"{result['patients']} patients: {groups}"
    yield f"EF of the labels differs by at most {result['largest_ef_error']:.2f} points from what was asked for"
    yield result["path"]
