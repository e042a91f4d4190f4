"""NumPy .npy and .npz files: read lazily, written back byte for byte (.npy) or array for array (.npz).

Axes: two are (I, J), three (I, J, K), four (T, I, J, K), five (C, T, I, J, K). An .npz file holds one array, or names
the scan "image" or "arr_0"; beside "image", `affine_ras_mm` (4x4, voxel centre to RAS+ mm) and `frame_ms` are
read too (`vesalius convert` writes them). Nothing is ever unpickled.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.damage import COPY_FIX, DEFLATE_MAX_RATIO, not_decodable, read_to_end, surplus_notes
from vesalius.scan.geometry import Affine, check_affine
from vesalius.scan.native import Identifiers, Json, Kept, LossyNote, Packed, left_out
from vesalius.scan.note import Note
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan

AXES = {2: "IJ", 3: "IJK", 4: "TIJK", 5: "CTIJK"}
"""Number of axes -> their letters."""
SCAN_NAMES = ("image", "arr_0")
AFFINE_NAME = "affine_ras_mm"
TIMES_NAME = "frame_ms"
_KINDS = "biufc"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_MOST_BESIDE = 1 << 24
"""Largest size in bytes of an affine or of frame times beside the scan."""
_END_BYTES, _IN_ZIP64 = 22, 0xFFFF
"""Length of the record at the end of an archive; its number of entries where ZIP64 states it elsewhere."""


@dataclass(frozen=True, eq=False)
class NumpyPixels:
    """Stored values of one array in a .npy file (mapped into memory) or an .npz file (inflated for every read).

    Args:
        member: name inside an .npz file, else None.
        dtype: stored dtype, byte order included.
        file_shape: shape of the array, two to five axes.
        fortran: True where the first axis is the fastest.
        offset: first byte of the values, in the file or in the member.
    """

    path: Path
    member: str | None
    dtype: np.dtype[Any]
    file_shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        lengths = dict(zip(AXES[len(self.file_shape)], self.file_shape, strict=True))
        c, t, i, j, k = (lengths.get(letter, 1) for letter in "CTIJK")
        return c, t, i, j, k

    @property
    def direct(self) -> bool:
        return self.member is None

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        order = "F" if self.fortran else "C"
        if not self.direct:
            check_memory(2 * math.prod(self.file_shape) * self.dtype.itemsize, self.path)
        try:
            if self.member is None:
                array = np.memmap(regular(self.path), self.dtype, "r", self.offset, self.file_shape, order=order)  # type: ignore[call-overload]
            else:
                array = np.frombuffer(self._inflated(self.member), self.dtype).reshape(self.file_shape, order=order)  # type: ignore[call-overload]
        except InputError:
            raise
        except Exception as error:  # zipfile, zlib and numpy raise many kinds here
            raise not_decodable(self.path, error, "a NumPy file") from error
        axes = AXES[array.ndim]
        return array[tuple(ALL if letter in axes else None for letter in "CTIJK")][:, t, :, :, k]

    def left_over(self) -> int:
        """Return the bytes behind the values of a .npy file; `read` checks the end of a stream."""
        end = self.offset + math.prod(self.file_shape) * self.dtype.itemsize
        return self.path.stat().st_size - end if self.direct else 0

    def _inflated(self, member: str) -> bytes:
        length = math.prod(self.file_shape) * self.dtype.itemsize
        with zipfile.ZipFile(regular(self.path)) as archive, archive.open(member) as file:
            file.read(self.offset)
            values = file.read(length)
            read_to_end(file.read, self.path)
            return values


@dataclass(frozen=True, eq=False)
class NumpyNative:
    """Content of a .npy or .npz file beside the values.

    Args:
        pixels: its array.
        header: the bytes before the values.
        members: names of all arrays of an .npz file.
    """

    pixels: NumpyPixels
    header: bytes
    members: tuple[str, ...] = ()
    format: str = "numpy"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Pack the header and name of the array; "strip" gives it the usual name and a header as NumPy writes it.

        Raises:
            UsageError: an .npz file with several arrays, of which the others would be lost.
        """
        if len(self.members) > 1:
            shown = ", ".join(_plain(name) for name in self.members[:8])
            what = f"holds {len(self.members)} arrays ({shown}), but a .vsl file stores one"
            raise UsageError(what, where=self.pixels.path, fix="save the scan alone with numpy.save")
        member = self.pixels.member
        if identifiers == "strip":
            facts: dict[str, Json] = {"member": member and f"{SCAN_NAMES[0]}.npy"}
            packed = Packed("numpy", facts, {"header": self._usual_header()})
            return replace(packed, kept=self.kept(packed))
        is_usual = member is None or _plain(member) in SCAN_NAMES
        warnings = () if is_usual else (f"the name of the array is kept: {_plain(member or '')}",)
        packed = Packed("numpy", {"member": member}, {"header": self.header}, warnings=warnings)
        return replace(packed, kept=self.kept(packed))

    def _usual_header(self) -> bytes:
        out = io.BytesIO()
        facts = {"descr": npy.dtype_to_descr(self.pixels.dtype), "fortran_order": self.pixels.fortran}
        npy.write_array_header_1_0(out, {**facts, "shape": self.pixels.file_shape})
        return out.getvalue()

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """Count the bytes behind the values, which are never kept; the header always is."""
        return left_out((), self.pixels.left_over())


def read(path: Path, reading: Reading = AS_STATED) -> Scan:
    """Open a .npy or .npz file; pixels stay on disk.

    Raises:
        InputError: not such a file, damaged, values that are not numbers, or several arrays without a known name.
    """
    try:
        if zipfile.is_zipfile(regular(path)):
            return _read_npz(path)
        with regular(path).open("rb") as file:
            pixels, header = _read_head(path, file, None, path.stat().st_size)
        problems = tuple(surplus_notes(pixels.left_over()))
        return Scan(pixels=pixels, problems=problems, native=NumpyNative(pixels, header))
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise nearly anything
        raise not_decodable(path, error, "a NumPy file") from error


def _read_npz(path: Path) -> Scan:
    with zipfile.ZipFile(regular(path)) as archive:
        _check_directory(path, archive)
        sizes = {info.filename: info.file_size for info in archive.infolist() if info.filename.endswith(".npy")}
        member = _choose(path, tuple(sizes))
        if sizes[member] > archive.getinfo(member).compress_size * DEFLATE_MAX_RATIO + 64:
            what = f"the array {_plain(member)!r} promises more values than its compressed bytes can hold"
            raise InputError(what, where=path, fix=COPY_FIX)
        with archive.open(member) as file:
            pixels, header = _read_head(path, file, member, sizes[member])
        problems: list[str] = []
        affine = times = None
        read = {member}
        if _plain(member) == SCAN_NAMES[0]:
            read |= {f"{AFFINE_NAME}.npy", f"{TIMES_NAME}.npy"}
            affine = _side(archive, AFFINE_NAME, (4, 4), problems)
            times = _side(archive, TIMES_NAME, (pixels.shape[1],), problems)
        unread = [_plain(name) for name in archive.namelist() if name not in read]
        if unread:
            problems.append(Note.naming(f"other entries of the file are not read ({len(unread)})", unread))
    geometry: Affine | None = None if affine is None else check_affine(affine)
    frame_ms = None if times is None else tuple(times.tolist())
    return Scan(
        pixels=pixels,
        geometry=geometry,
        frame_ms=frame_ms,
        t_meaning="unknown" if frame_ms is None else "time",
        colour="grey" if pixels.shape[0] == 1 else "channels",
        problems=tuple(problems),
        native=NumpyNative(pixels, header, tuple(sizes)),
    )


def _check_directory(path: Path, archive: zipfile.ZipFile) -> None:
    """Compare the directory, which has no checksum, with the number of entries at the end of the archive."""
    with regular(path).open("rb") as file:
        file.seek(-_END_BYTES - len(archive.comment), io.SEEK_END)
        stated = int.from_bytes(file.read(_END_BYTES)[10:12], "little")
    listed = len(archive.infolist())
    if listed != stated and stated != _IN_ZIP64:
        raise InputError(f"its directory lists {listed} of {stated} entries", where=path, fix=COPY_FIX)


def _choose(path: Path, members: tuple[str, ...]) -> str:
    if not members:
        raise InputError("is a zip file without NumPy arrays", where=path)
    named = [f"{name}.npy" for name in SCAN_NAMES if f"{name}.npy" in members]
    if len(members) == 1 or named:
        return named[0] if named else members[0]
    shown = ", ".join(_plain(name) for name in members[:8]) + (", ..." if len(members) > 8 else "")
    what = f"holds {len(members)} arrays ({shown}) and none is called image"
    raise InputError(what, where=path, fix="save the scan under the name image")


def _side(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], problems: list[str]) -> NDArray[Any] | None:
    if f"{name}.npy" not in archive.namelist():
        return None
    large = archive.getinfo(f"{name}.npy").file_size > _MOST_BESIDE
    array = np.zeros(0) if large else np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
    if array.shape != shape or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        problems.append(f"{name} is not {' x '.join(map(str, shape))} numbers; it is ignored")
        return None
    return array.astype(np.float64)


def _read_head(path: Path, file: Any, member: str | None, size: int) -> tuple[NumpyPixels, bytes]:
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise InputError("holds records, not numbers", where=path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns about odd text in a damaged header
        shape, fortran, dtype = _HEADERS[version](file)
    offset = file.tell()
    if dtype.kind not in _KINDS:
        raise InputError(f"values of type {dtype.name} are not numbers", where=path)
    if len(shape) not in AXES:
        what = f"an array of {len(shape)} axes is not a scan; known are 2 (IJ), 3 (IJK), 4 (TIJK) and 5 (CTIJK)"
        raise InputError(what, where=path)
    if 0 in shape:
        raise InputError(f"the array is empty (shape {shape})", where=path)
    needed = offset + math.prod(shape) * dtype.itemsize
    if needed > size:
        raise InputError(f"the header promises {needed} bytes, but the file has {size}", where=path, fix=COPY_FIX)
    file.seek(0)
    return NumpyPixels(path, member, dtype, shape, fortran, offset), file.read(offset)


def _plain(member: str) -> str:
    return member.removesuffix(".npy")


def restore(packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None:
    """Write a .npy or .npz file (by the suffix of `path`) with the original array header and the given pixels.

    Raises:
        CorruptFileError: the stored header does not fit the pixels.
    """
    try:
        header, member = packed.blobs["header"], packed.facts["member"]
        file = io.BytesIO(header)
        shape, fortran, dtype = _HEADERS[npy.read_magic(file)](file)
    except Exception as error:
        raise CorruptFileError("the stored NumPy header is damaged", where=path) from error
    lengths = dict(zip(AXES.get(len(shape), ""), shape, strict=False))
    if tuple(lengths.get(letter, 1) for letter in "CTIJK") != pixels.shape or dtype != pixels.dtype:
        raise CorruptFileError("the stored NumPy header does not fit the pixels", where=path)
    check_memory(3 * math.prod(shape) * dtype.itemsize, path)
    data = pixels.read().reshape(shape).tobytes(order="F" if fortran else "C")
    if path.name.lower().endswith(".npz"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(str(member or "arr_0.npy")), header + data, zipfile.ZIP_DEFLATED)
    else:
        with path.open("wb") as out:
            out.write(header)
            out.write(data)
