"""Write a cohort of head CT phantoms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vesalius.config import from_overrides
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.write import write_head_ct


def phantom_head_ct(
    output: Path, patients: int = 5, seed: int = 0, options: Sequence[str] = (), *, force: bool = False
) -> dict[str, Any]:
    """Head CT with five kinds of bleed and look-alikes, with masks and the tables that detection starts from.

    Args:
        output: folder to be made.
        patients: how many; each has one to three studies.
        seed: the same seed gives the same bytes.
        options: of `HeadCtOptions`, as "noise_hu=5".
        force: replace an existing folder.

    Returns:
        {"path", "patients", "studies", "positive", "largest_volume_error"}, JSON-able; the error as a share.

    Raises:
        ConfigError: a wrong option.
        OutputError: the folder exists or cannot be written.
    """
    done = write_head_ct(output, from_overrides(HeadCtOptions, options, {"seed": seed}), patients, force=force)
    return {
        "path": str(output),
        "patients": done.patients,
        "studies": done.studies,
        "positive": done.positive,
        "largest_volume_error": done.largest_volume_error,
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    positive = ", ".join(f"{name} {count}" for name, count in result["positive"].items())
    yield f"{result['patients']} patients, {result['studies']} studies; positive: {positive}"
    yield f"bleeds differ by at most {result['largest_volume_error']:.1%} from the volume asked for"
    yield result["path"]
