"""A scan in a few facts."""

from __future__ import annotations

from typing import Any

from vesalius.scan.scan import Scan


def describe_scan(scan: Scan) -> dict[str, Any]:
    """Return facts of one scan, JSON-able. Axes are (C, T, I, J, K); spacing in mm, frame times in ms."""
    times = scan.frame_ms
    return {
        "shape": list(scan.shape),
        "axes": "C,T,I,J,K",
        "dtype": scan.dtype.str,
        "spacing_mm": None if scan.spacing_mm is None else [round(step, 6) for step in scan.spacing_mm],
        "orientation": None if scan.spaces == ("unknown",) else scan.orientation,
        "spaces": list(scan.spaces),
        "grid_problem": scan.grid_problem,
        "t_meaning": scan.t_meaning,
        "frame_ms": None if times is None else [round(moment, 6) for moment in times],
        "modality": scan.modality,
        "colour": scan.colour,
        "unit": scan.intensity.unit,
        "problems": list(scan.problems),
    }
