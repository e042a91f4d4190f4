"""Convert a scan to another kind of file, in its place in the world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vesalius.codec.container import SUFFIX as VSL_SUFFIX
from vesalius.errors import GeometryError
from vesalius.output import refuse_existing
from vesalius.scan.describe import describe_scan
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.scan.write import write_scan


def convert(
    path: Path,
    output: Path,
    *,
    orient: str | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    series: str | None = None,
    resample: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Read a scan and write it as NIfTI, NumPy, PNG or TIFF, by the suffix of `output`.

    Args:
        path: what `open_scan` opens, or a `.vsl` file.
        output: the file to write.
        orient: three letters such as "RAS": the voxel axes are permuted and flipped, nothing is interpolated.
        spacing_mm: resample linearly to this spacing along i, j, k.
        series: DICOM SeriesInstanceUID (or its end) to pick.
        resample: make one grid of slices that are tilted or unevenly spaced.
        force: replace an existing file.

    Returns:
        {"path", and the facts of what was written}.

    Raises:
        GeometryError: a grid is needed and there is none; the reason is given.
        OutputError: the file exists or cannot be written.
    """
    refuse_existing(output, force=force)
    scan = _open(path, series)
    if resample and scan.grid_problem:
        from vesalius.scan.resample import to_grid

        scan = to_grid(scan)
    if spacing_mm is not None:
        from vesalius.scan.resample import regrid

        scan = regrid(scan, spacing_mm)
    if orient is not None:
        from vesalius.scan.orient import reorient

        scan = reorient(scan, orient)
    try:
        write_scan(scan, output, force=force)
    except GeometryError as error:
        raise error if error.where else GeometryError(error.what, where=path, fix=error.fix) from error
    return {"path": str(output), **describe_scan(scan)}


def _open(path: Path, series: str | None) -> Scan:
    if path.suffix.lower() == VSL_SUFFIX:
        from vesalius.codec.decode import decode_scan

        return decode_scan(path).resident()
    return open_scan(path, series)
