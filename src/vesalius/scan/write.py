"""Write a scan as a new file of a common format, by its suffix. Nothing is reoriented or resampled on the way."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from vesalius.errors import UsageError
from vesalius.output import new_file
from vesalius.scan.scan import Scan

_WRITERS = {
    ".nii.gz": "vesalius.scan.nifti_write:write_nifti",
    ".nii": "vesalius.scan.nifti_write:write_nifti",
    ".npy": "vesalius.scan.numpy_file:write_numpy",
    ".npz": "vesalius.scan.numpy_file:write_numpy",
    ".png": "vesalius.scan.raster:write_picture",
    ".tif": "vesalius.scan.raster:write_picture",
    ".tiff": "vesalius.scan.raster:write_picture",
}
"""suffix -> "module:function(scan, path)"."""


def write_scan(scan: Scan, path: Path, *, force: bool = False) -> None:
    """Write a scan as NIfTI, NumPy, PNG or TIFF.

    Args:
        scan: the scan.
        path: its suffix decides: .nii and .nii.gz need an affine, .png and .tif one frame of one slice.
        force: replace an existing file.

    Raises:
        UsageError: an unknown suffix, or a scan the format cannot hold.
        GeometryError: NIfTI was asked for and the scan lies on no grid.
        OutputError: the file exists or cannot be written.
    """
    name = path.name.lower()
    for suffix, place in _WRITERS.items():
        if name.endswith(suffix):
            module, function = place.split(":")
            write = cast(Callable[[Scan, Path], None], getattr(importlib.import_module(module), function))
            with new_file(path, force=force) as part:
                write(scan, part)
            return
    raise UsageError("unknown kind of output", where=path, fix=f"end the name with one of {', '.join(_WRITERS)}")
