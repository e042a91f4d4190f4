"""Writing any scan that has an affine as a new NIfTI file.

Axes stay as they are: dims 1 to 3 are I, J, K, dim 4 is T, dim 5 is C. `nifti.read.restore`,
in contrast, restores a NIfTI file with its original header.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.scan.geometry import Affine, shear_degrees, spacing_mm
from vesalius.scan.nifti.affine import SPACES
from vesalius.scan.nifti.pixels import create
from vesalius.scan.scan import Scan, Space

ALIGNED = 2
"""Transform code where the world is not stated, as nibabel writes it."""
NIFTI1_LARGEST = 32767
EVEN_TOLERANCE = 1e-3
"""Frame intervals that differ by less than this fraction of their median count as even."""
RIGHT_ANGLE_DEGREES = 0.01
"""A grid with more shear has no qform."""
_LEGAL = frozenset({"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16"})
_NEAREST = {"b1": "u1", "f2": "f4", f"f{np.longdouble(0).itemsize}": "f8", f"c{np.clongdouble(0).itemsize}": "c16"}
"""Stored dtypes that NIfTI does not know (or not everywhere) -> the dtype written."""
_RGB24 = np.dtype([(name, "u1") for name in "RGB"])


def write_nifti(scan: Scan, path: Path) -> tuple[str, ...]:
    """Write a NIfTI-1 file (NIfTI-2 where an axis is longer than 32767), gzipped where `path` ends in .gz.

    The stored values are kept with slope and intercept where one pair serves the whole scan, else real values are
    written as float32. sform and qform hold the affine (voxel centre to RAS+ mm) with the transform codes of the
    source: 1 (scanner) from DICOM, 2 (aligned) where the source names no world, 0 where it does not state how
    the axes lie, so that only the spacing is written. The orientation is never changed.

    Returns:
        One sentence for each fact that the file cannot hold.

    Raises:
        GeometryError: the scan has no affine.
        UsageError: `path` does not end in .nii or .nii.gz.
    """
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise UsageError("is not a NIfTI name", where=path, fix="end its name with .nii or .nii.gz")
    affine, scan = scan.affine, scan.resident()
    dtype, scale = _stored_as(scan)
    header, notes = _header(scan, affine, dtype)
    if scan.colour == "rgb" and dtype.names is None:
        notes.append(f"NIfTI has no {scan.dtype.name} colours: red, green and blue are written as channels")
    if scale is not None:
        header.set_slope_inter(*scale)
    with create(path) as file:
        file.write(header.binaryblock + b"\0\0\0\0")  # no extensions
        for channel in range(1 if dtype.names else scan.shape[0]):
            for frame in range(scan.shape[1]):
                file.write(_volume(scan, channel, frame, dtype, stored=scale is not None).tobytes(order="F"))
    return tuple(notes)


def _stored_as(scan: Scan) -> tuple[np.dtype[Any], tuple[float, float] | None]:
    """Return (dtype in the file, slope and intercept), or (float32, None) where real values must be written."""
    real = np.dtype("<f4"), None
    if not scan.intensity.is_uniform:
        return real
    if scan.colour == "rgb" and scan.dtype == np.uint8 and scan.shape[0] == 3 and scan.intensity.is_identity:
        return _RGB24, (1.0, 0.0)
    slope, inter = float(scan.intensity.slope_TK[0, 0]), float(scan.intensity.inter_TK[0, 0])
    kept = np.array([slope, inter], dtype=np.float32)
    if slope == 0 or not np.isfinite(kept).all() or kept[0] == 0:
        return real
    code = f"{scan.dtype.kind}{scan.dtype.itemsize}"
    code = _NEAREST.get(code, code)
    return (np.dtype(code).newbyteorder("<"), (slope, inter)) if code in _LEGAL else real


def _header(scan: Scan, affine: Affine, dtype: np.dtype[Any]) -> tuple[Any, list[str]]:
    c, t, i, j, k = scan.shape
    c = 1 if dtype.names else c
    shape = (i, j, k, t, c) if c > 1 else (i, j, k, t) if t > 1 else (i, j, k)
    header = (nib.Nifti2Header if max(shape) > NIFTI1_LARGEST else nib.Nifti1Header)(endianness="<")
    header["vox_offset"] = header.single_vox_offset
    header.set_data_shape(shape)
    header.set_data_dtype(dtype)
    step, start, notes = _frames(scan)
    zooms = [*spacing_mm(affine), step, 1.0][: len(shape)]
    header.set_zooms(zooms)
    header.set_xyzt_units("mm", "msec" if step else "unknown")
    header["toffset"] = start
    _set_place(header, scan.spaces, affine)
    header["pixdim"][1 : len(shape) + 1] = zooms
    if c > 1:
        header.set_intent("vector")
    return header, notes


def _set_place(header: Any, spaces: tuple[Space, ...], affine: Affine) -> None:
    """Set the transforms; a sheared grid has no qform, so its sform takes the code of the only one there was."""
    if spaces == ("unknown",):
        return
    codes = [SPACES.index(space) for space in spaces] or [ALIGNED]
    sheared = shear_degrees(affine) > RIGHT_ANGLE_DEGREES
    header.set_sform(affine, codes[0] or (codes[-1] if sheared else 0))
    if not sheared:
        header.set_qform(affine, codes[-1])


def _frames(scan: Scan) -> tuple[float, float, list[str]]:
    """Return (interval in ms or 0 where unknown, start in ms, notes)."""
    times = scan.frame_ms
    if scan.shape[1] < 2:
        return 0.0, 0.0, []
    if times is None:
        return 0.0, 0.0, ["the frame times are unknown and not written"]
    steps = np.diff(np.asarray(times, dtype=np.float64))
    middle = float(np.median(steps))
    if middle <= 0 or (np.abs(steps - middle) > EVEN_TOLERANCE * middle).any():
        return 0.0, 0.0, ["the frames are not evenly spaced in time: NIfTI cannot hold their times"]
    return float((times[-1] - times[0]) / (len(times) - 1)), float(times[0]), []


def _volume(scan: Scan, channel: int, frame: int, dtype: np.dtype[Any], *, stored: bool) -> NDArray[Any]:
    t = slice(frame, frame + 1)
    values = scan.stored(t) if stored else scan.values(t, dtype=np.float32)
    if dtype.names:
        volume: NDArray[Any] = np.ascontiguousarray(np.moveaxis(values[:, 0], 0, -1)).view(dtype)[..., 0]
        return volume
    return values[channel, 0].astype(dtype)
