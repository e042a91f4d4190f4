"""NumPy files: .npy (memory-mapped) and .npz.

Axes by number: 2 (I, J), 3 (I, J, K), 4 (T, I, J, K), 5 (C, T, I, J, K). A NumPy file states no geometry.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError, UsageError
from vesalius.scan.native import Identifiers, Json, LossyNote, Packed
from vesalius.scan.pixels import ArrayPixels, Pixels
from vesalius.scan.scan import Scan

_EXPANDED = {
    2: (None, None, slice(None), slice(None), None),
    3: (None, None, slice(None), slice(None), slice(None)),
    4: (None, slice(None), slice(None), slice(None), slice(None)),
    5: (slice(None),) * 5,
}
"""Number of axes -> index that gives (C, T, I, J, K)."""
_IMAGE_NAMES = ("image", "arr_0")
_DEFLATE_MAX_RATIO = 1032


@dataclass(frozen=True)
class NumpyNative:
    """What a NumPy file needs to be written back.

    Args:
        shape: shape in the file.
        fortran: stored in Fortran order.
        names: names of the arrays of an .npz, the scan's own first; empty for .npy.
        path: for errors.
        format: always "numpy".
    """

    shape: tuple[int, ...]
    fortran: bool
    names: tuple[str, ...]
    path: Path
    format: str = "numpy"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Shape, order and name.

        Raises:
            UsageError: an .npz with further arrays, which would be lost.
        """
        if len(self.names) > 1:
            what = f"holds {len(self.names)} arrays ({', '.join(self.names[:4])}), of which only one is a scan"
            raise UsageError(what, where=self.path, fix="save the scan in a file of its own")
        name: Json = self.names[0] if self.names else None
        return Packed("numpy", {"shape": list(self.shape), "fortran": self.fortran, "name": name})


def read(path: Path) -> Scan:
    """Open a NumPy file.

    Raises:
        InputError: damaged, pickled, empty, not numbers, or of another number of axes than 2 to 5.
    """
    try:
        array, names = _read_npz(path) if path.suffix.lower() == ".npz" else (_read_npy(path), ())
    except InputError:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds on damaged files
        what = f"cannot be read as NumPy ({str(error).splitlines()[0][:160] if str(error) else type(error).__name__})"
        raise InputError(what, where=path, fix="check that the copy is complete") from error
    if array.dtype.kind not in "biufc":
        raise InputError(f"holds {array.dtype}, not numbers", where=path)
    if array.ndim not in _EXPANDED or not array.size:
        raise InputError(f"an array of shape {array.shape} is no scan", where=path, fix="save 2 to 5 axes")
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    expanded = array[_EXPANDED[array.ndim]]
    return Scan(
        pixels=ArrayPixels(expanded),
        colour="grey" if expanded.shape[0] == 1 else "channels",
        native=NumpyNative(array.shape, fortran, names, path),
    )


def restore(packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None:
    """Write the array back, in its shape and order; .npz (deflated) or .npy by the suffix of `path`."""
    facts = packed.facts
    shape = tuple(int(n) for n in facts["shape"])  # type: ignore[arg-type, union-attr]
    array = pixels.read().reshape(shape)
    array = np.asfortranarray(array) if facts["fortran"] else np.ascontiguousarray(array)
    _save(array, path, str(facts["name"] or _IMAGE_NAMES[0]))


def write_numpy(scan: Scan, path: Path) -> None:
    """Write real values with as few axes as hold them: (I, J, K), (T, I, J, K) or (C, T, I, J, K).

    Stored values keep their type where they are the real values; else float32.
    """
    array = scan.stored() if scan.intensity.is_identity else scan.values()
    for _ in range(2):
        array = array[0] if array.ndim > 3 and array.shape[0] == 1 else array
    _save(array, path, _IMAGE_NAMES[0])


def _save(array: NDArray[Any], path: Path, name: str) -> None:
    with path.open("wb") as file:
        if path.suffix.lower() == ".npz":
            np.savez_compressed(file, allow_pickle=False, **{name: array})
        else:
            np.save(file, array, allow_pickle=False)


def _read_npy(path: Path) -> NDArray[Any]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise InputError("is not a .npy file", where=path)
    return array


def _read_npz(path: Path) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The one array, or the one called image or arr_0, and the names of all, its own first."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.file_size > _DEFLATE_MAX_RATIO * path.stat().st_size:
                raise InputError("promises more bytes than it can hold", where=path, fix="copy the file again")
    with np.load(path, allow_pickle=False) as archive:
        names = list(archive.files)
        chosen = names[0] if len(names) == 1 else next((name for name in _IMAGE_NAMES if name in names), None)
        if chosen is None:
            shown = ", ".join(names[:6]) or "none"
            raise InputError(f"holds several arrays ({shown})", where=path, fix="call the scan 'image'")
        names.remove(chosen)
        return np.asarray(archive[chosen]), (chosen, *names)
