"""A scan as a new NIfTI file, on its own grid."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib
import numpy as np

from vesalius.errors import UsageError
from vesalius.scan.scan import Scan

_LARGEST_NIFTI1 = 32767
_KINDS = "iufc"


def write_nifti(scan: Scan, path: Path) -> None:
    """Write NIfTI-1 (NIfTI-2 where a dimension needs it); .gz by the suffix.

    Stored values and the one slope and intercept are kept where NIfTI has the type; else real values as float32. The
    affine goes into sform and qform (code 1, scanner), axes are not changed. Frames are dim 4, channels dim 5. A
    constant frame interval is written in ms, others cannot be.

    Raises:
        GeometryError: the scan lies on no grid.
        UsageError: NIfTI has no such number type.
    """
    affine = scan.affine
    stored = scan.intensity.is_uniform and _has_type(scan.dtype)
    values = scan.stored() if stored else scan.values()
    if not _has_type(values.dtype):
        raise UsageError(f"NIfTI cannot hold values of type {values.dtype}", fix="write .npy")
    array = values.transpose(2, 3, 4, 1, 0)
    for axis in (4, 3):
        array = array[..., 0] if array.ndim == axis + 1 and array.shape[axis] == 1 else array
    large = max(array.shape) > _LARGEST_NIFTI1
    image = (nib.Nifti2Image if large else nib.Nifti1Image)(array, affine, dtype=values.dtype)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1, strip_shears=True)
    image.header.set_xyzt_units("mm", "msec" if _step_ms(scan) else "unknown")
    if scan.shape[1] > 1:
        image.header["pixdim"][4] = _step_ms(scan) or 0.0
    if scan.frame_ms and _step_ms(scan):
        image.header["toffset"] = scan.frame_ms[0]
    if stored and not scan.intensity.is_identity:
        image.header.set_slope_inter(scan.intensity.slope_TK.item(), scan.intensity.inter_TK.item())
    nib.save(image, path)


def _has_type(dtype: np.dtype[np.generic]) -> bool:
    if dtype.kind not in _KINDS or dtype == np.float16:
        return False
    try:
        nib.Nifti1Header().set_data_dtype(dtype.newbyteorder("="))
    except Exception:
        return False
    return True


def _step_ms(scan: Scan) -> float | None:
    times = scan.frame_ms
    if times is None or len(times) < 2:
        return None
    steps = np.diff(times)
    return float(np.mean(steps)) if math.isclose(steps.min(), steps.max(), rel_tol=1e-3) and steps[0] > 0 else None
