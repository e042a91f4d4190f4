"""Write a scan as a new file of a common format, by its suffix. Nothing is reoriented or resampled on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vesalius.errors import UsageError
from vesalius.output import new_file
from vesalius.scan.scan import Scan


def write_scan(scan: Scan, path: Path, *, force: bool = False) -> None:
    """Write a scan as NIfTI, NumPy, PNG or TIFF.

    Args:
        scan: the scan.
        path: its suffix decides: .nii and .nii.gz need an affine, .png one frame of one slice, .tif one frame.
        force: replace an existing file.

    Raises:
        UsageError: an unknown suffix, or a scan the format cannot hold.
        GeometryError: NIfTI was asked for and the scan lies on no grid.
        OutputError: the file exists or cannot be written.
    """
    for suffix, write in _WRITERS.items():
        if path.name.lower().endswith(suffix):
            with new_file(path, force=force) as part:
                write(scan, part)
            return
    raise UsageError("unknown kind of output", where=path, fix=f"end the name with one of {', '.join(_WRITERS)}")


def _nifti(scan: Scan, path: Path) -> None:
    from vesalius.scan.nifti_write import write_nifti

    write_nifti(scan, path)


def _numpy(scan: Scan, path: Path) -> None:
    """Real values (stored ones where they are the real ones), leading axes of one frame or channel left out."""
    array = scan.stored() if scan.intensity.is_identity else scan.values()
    for _ in range(2):
        array = array[0] if array.ndim > 3 and array.shape[0] == 1 else array
    with path.open("wb") as file:
        if path.suffix.lower() == ".npz":
            np.savez_compressed(file, image=array)
        else:
            np.save(file, array, allow_pickle=False)


def _png(scan: Scan, path: Path) -> None:
    from vesalius.scan.picture_write import fits_png, write_png

    channels, frames, _, _, slices = scan.shape
    if frames * slices != 1:
        raise UsageError(f"{frames} frames of {slices} slices are no single picture", fix="write .nii, .npy or .tif")
    if not fits_png(scan.dtype, channels):
        raise UsageError(f"PNG cannot hold {channels} channels of {scan.dtype}", fix="write .tif or .npy")
    write_png(path, scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0))


def _tiff(scan: Scan, path: Path) -> None:
    from vesalius.scan.picture_write import photometric_of, write_tiff

    if scan.shape[1] != 1:
        raise UsageError(f"TIFF holds slices, not {scan.shape[1]} frames", fix="write .nii or .npy")
    stored = scan.stored()[:, 0]
    pages = (stored[..., k].transpose(2, 1, 0) for k in range(stored.shape[3]))
    write_tiff(path, pages, stored.nbytes, photometric=photometric_of(scan.colour))


_WRITERS = {
    ".nii.gz": _nifti,
    ".nii": _nifti,
    ".npy": _numpy,
    ".npz": _numpy,
    ".png": _png,
    ".tif": _tiff,
    ".tiff": _tiff,
}
"""suffix -> writer of (scan, path)."""
