"""A scan in a few facts."""

from __future__ import annotations

from dataclasses import dataclass

from vesalius.scan.scan import Colour, Scan, Space, TMeaning


@dataclass(frozen=True, kw_only=True)
class ScanFacts:
    """Facts of one scan; axes are (C, T, I, J, K), `window` is that of its display state, other fields as in `Scan`."""

    shape: tuple[int, int, int, int, int]
    axes: str = "C,T,I,J,K"
    dtype: str
    spacing_mm: tuple[float, ...] | None
    orientation: str | None
    spaces: tuple[Space, ...]
    grid_problem: str | None
    t_meaning: TMeaning
    frame_ms: tuple[float, ...] | None
    modality: str
    colour: Colour
    unit: str
    window: str | None
    problems: tuple[str, ...]


def describe_scan(scan: Scan) -> ScanFacts:
    """Return the facts of a scan, read without its pixels.

    Example:
        >>> import numpy as np
        >>> describe_scan(Scan.from_array(np.zeros((4, 5, 6), "u1"), np.eye(4))).orientation
        'RAS'
    """
    return ScanFacts(
        shape=scan.shape,
        dtype=scan.dtype.str,
        spacing_mm=None if scan.spacing_mm is None else tuple(round(step, 6) for step in scan.spacing_mm),
        orientation=None if scan.spaces == ("unknown",) else scan.orientation,
        spaces=scan.spaces,
        grid_problem=scan.grid_problem,
        t_meaning=scan.t_meaning,
        frame_ms=None if scan.frame_ms is None else tuple(round(start, 6) for start in scan.frame_ms),
        modality=scan.modality,
        colour=scan.colour,
        unit=scan.intensity.unit,
        window=None if scan.display_state.voi is None else str(scan.display_state.voi),
        problems=tuple(map(str, scan.problems)),
    )
