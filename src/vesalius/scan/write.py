"""Writing a scan as a new file of a common format, chosen by the suffix. Nothing is reoriented or resampled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.named import Table
from vesalius.output import new_file, new_folder
from vesalius.scan.colours import in_rgb
from vesalius.scan.pictures.write import fits_png, photometric_of, write_png, write_tiff
from vesalius.scan.pixels import ALL
from vesalius.scan.scan import Scan

WRITERS = Table(
    "kind of output",
    {
        ".nii.gz": "vesalius.scan.write:_nifti",
        ".nii": "vesalius.scan.write:_nifti",
        ".npy": "vesalius.scan.write:_numpy",
        ".npz": "vesalius.scan.write:_numpy",
        ".png": "vesalius.scan.write:_png",
        ".tif": "vesalius.scan.write:_tiff",
        ".tiff": "vesalius.scan.write:_tiff",
    },
)
"""suffix -> function of (scan, path) that writes a file and returns notes."""


@dataclass(frozen=True)
class Written:
    """A written file or folder, with a sentence for each fact that the format cannot hold or holds differently."""

    path: Path
    notes: tuple[str, ...] = ()


def write_scan(scan: Scan, path: Path, *, force: bool = False) -> Written:
    """Write a scan as NIfTI, NumPy, PNG or TIFF.

    Args:
        scan: the scan; Y, Cb, Cr and palette indices are written as RGB.
        path: its suffix chooses the format. .nii and .nii.gz need an affine. .npy and .npz hold real values in as many
            of the axes (C, T, I, J, K) as needed, .npz also the affine and the frame times. .png holds stored values of
            8 or 16 bits; several slices or frames become a folder of that name without the suffix. .tif holds real
            values, the slices (or the frames of one slice) as pages.
        force: replace an existing file or folder.

    Raises:
        UsageError: an unknown suffix, or a scan that the format cannot hold.
        GeometryError: the output is NIfTI and the scan has no grid.
        OutputError: the file exists or cannot be written.
    """
    suffix = next((known for known in WRITERS if path.name.lower().endswith(known)), None)
    if suffix is None:
        fix = f"end the name with one of {', '.join(WRITERS)}"
        raise UsageError("the suffix of the output is unknown", where=path, fix=fix)
    coloured = in_rgb(scan)
    conversions = coloured.problems[len(scan.problems) :]
    if suffix == ".png" and scan.shape[1] * scan.shape[4] > 1:
        path = path.with_suffix("")
        notes = _png_folder(coloured, path, force=force)
    else:
        with new_file(path, force=force) as part:
            notes = WRITERS.get(suffix)(coloured, part)
    return Written(path, (*conversions, *notes))


def fits_png_exactly(scan: Scan) -> bool:
    """True where PNG can hold the stored values and they are the real ones."""
    exact = scan.intensity.is_identity and fits_png(scan.dtype, scan.shape[0])
    return exact and scan.colour not in ("inverted", "ybr", "palette")


def _nifti(scan: Scan, path: Path) -> tuple[str, ...]:
    from vesalius.scan.nifti.write import write_nifti

    return (*write_nifti(scan, path), *_inverted_note(scan))


def _real(scan: Scan) -> NDArray[Any]:
    """Return the real values (C, T, I, J, K): the stored values where these are real, else float32."""
    return scan.stored() if scan.intensity.is_identity else scan.values()


def _numpy(scan: Scan, path: Path) -> tuple[str, ...]:
    array = _real(scan)
    for _ in range(2):
        array = array[0] if array.ndim > 3 and array.shape[0] == 1 else array
    if path.suffix.lower() == ".npy":
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        notes = () if scan.grid_problem else ("the file holds no geometry: .npz and .nii do",)
        return (*notes, *_inverted_note(scan))
    metadata: dict[str, Any] = {}
    if scan.grid_problem is None:
        metadata["affine_ras_mm"] = scan.affine
    if scan.frame_ms is not None:
        metadata["frame_ms"] = np.asarray(scan.frame_ms)
    with path.open("wb") as file:
        np.savez_compressed(file, image=array, **metadata)
    return _inverted_note(scan)


def _inverted_note(scan: Scan) -> tuple[str, ...]:
    if scan.colour != "inverted":
        return ()
    return ("low values are bright (MONOCHROME1): the values are kept, the file cannot state it",)


def _png(scan: Scan, path: Path) -> tuple[str, ...]:
    _check_png(scan)
    write_png(path, _brightness(scan)[:, 0, :, :, 0].transpose(2, 1, 0))
    return _png_notes(scan)


def _brightness(scan: Scan, t: slice = ALL) -> NDArray[Any]:
    """Return stored values in which high means bright."""
    stored = scan.stored(t)
    if scan.colour != "inverted":
        return stored
    return ~stored if stored.dtype.kind == "b" else np.iinfo(stored.dtype).max - stored


def _png_folder(scan: Scan, path: Path, *, force: bool) -> tuple[str, ...]:
    _check_png(scan)
    _, frames, _, _, slices = scan.shape
    scan = scan.resident()
    with new_folder(path, force=force) as folder:
        for t in range(frames):
            stored = _brightness(scan, slice(t, t + 1))[:, 0]
            for k in range(slices):
                frame = f"frame-{t:04d}-" if frames > 1 else ""
                write_png(folder / f"{frame}slice-{k:04d}.png", stored[..., k].transpose(2, 1, 0))
    return _png_notes(scan)


def _check_png(scan: Scan) -> None:
    if not fits_png(scan.dtype, scan.shape[0]):
        what = f"PNG cannot hold {scan.shape[0]} channel(s) of {scan.dtype.name}"
        raise UsageError(what, fix="write .npy")


def _png_notes(scan: Scan) -> tuple[str, ...]:
    notes = []
    if not scan.intensity.is_identity:
        notes.append("the pictures hold stored values: slope and intercept are not in them")
    if scan.colour == "inverted":
        notes.append("low values were bright (MONOCHROME1): the values are inverted, so that they look the same")
    if scan.colour == "channels" and scan.shape[0] > 2:
        notes.append(f"{scan.shape[0]} channels are written as red, green, blue (and alpha), whatever they mean")
    return tuple(notes)


def _tiff(scan: Scan, path: Path) -> tuple[str, ...]:
    _, frames, _, _, slices = scan.shape
    if min(frames, slices) > 1:
        raise UsageError(f"TIFF holds slices or frames, not {frames} frames of {slices} slices", fix="write .npy")
    if scan.dtype.itemsize > (16 if scan.dtype.kind == "c" else 8):
        raise UsageError(f"TIFF cannot hold values of {scan.dtype.name}", fix="write .npy")
    array = _real(scan)
    write_tiff(path, _pages(array), array.nbytes, photometric=photometric_of(scan.colour))
    return ("the file holds no geometry",) if scan.grid_problem is None else ()


def _pages(array_CTIJK: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for t in range(array_CTIJK.shape[1]):
        for k in range(array_CTIJK.shape[4]):
            yield array_CTIJK[:, t, :, :, k].transpose(2, 1, 0)
