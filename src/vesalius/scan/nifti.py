"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz, .hdr/.img pairs): read piece by piece, written back byte for byte.

Axes: the file's (i, j, k) stay as they are, dim 4 is T, dims 5 to 7 are C (flattened, dim 5 fastest). RGB24 and
RGBA32 become channels. The sform is preferred to the qform; with neither the spacing is kept on the file's axes
and the scan says so. Header and extension bytes are kept word for word.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError, GeometryError, InputError
from vesalius.scan.geometry import Affine, check_affine
from vesalius.scan.intensity import Intensity
from vesalius.scan.native import Identifiers, Json, LossyNote, Packed
from vesalius.scan.pixels import ALL, Pixels
from vesalius.scan.scan import Scan, TMeaning

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
GZIP_MAX_RATIO = 1032
"""No deflate stream expands further; a header that promises more than this lies."""
_TIME_MS = {"sec": 1000.0, "msec": 1.0, "usec": 0.001}
_DIFFUSION_WORDS = frozenset({"dwi", "dmri", "dti"})
_TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name")


@dataclass(frozen=True, eq=False)
class NiftiPixels:
    """Stored values of a NIfTI file, read slab by slab through nibabel.

    Args:
        path: the file that holds the pixels.
        file_shape: dims of the file, (i, j, k, t, c...), at least three.
        file_dtype: dtype of the file, byte order included; RGB24 and RGBA32 are structured.
        offset: first byte of the pixels.
    """

    path: Path
    file_shape: tuple[int, ...]
    file_dtype: np.dtype[Any]
    offset: int

    @property
    def colours(self) -> int:
        """3 or 4 for RGB24 and RGBA32, else 1."""
        return len(self.file_dtype.names or "1")

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(C, T, I, J, K)."""
        i, j, k, t, *channels = (*self.file_shape, 1)
        return math.prod(channels) * self.colours, t, i, j, k

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored dtype; uint8 for RGB24 and RGBA32."""
        return np.dtype(np.uint8) if self.file_dtype.names else self.file_dtype

    @property
    def direct(self) -> bool:
        """Unless the file is gzipped, which is inflated from its start for every piece."""
        return not self.path.name.endswith(".gz")

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Frames `t` and slices `k` as (C, t, I, J, k).

        Raises:
            InputError: the file ends early or cannot be decompressed.
        """
        proxy = ArrayProxy(str(self.path), (self.file_shape, self.file_dtype, self.offset, 1.0, 0.0), mmap=True)
        index: list[slice] = [ALL, ALL, k, t, *[ALL] * (len(self.file_shape) - 4)][: len(self.file_shape)]
        try:
            array = np.asanyarray(proxy[tuple(index)])
        except Exception as error:  # nibabel, zlib and gzip raise many kinds here
            raise _unreadable(self.path, error) from error
        if array.ndim == 3:
            array = array[..., None][..., t]
        array = array.reshape(*array.shape[:4], -1, order="F")
        if self.file_dtype.names:
            array = _split_colours(array)
        return array.transpose(4, 3, 0, 1, 2)


@dataclass(frozen=True, eq=False)
class NiftiNative:
    """Header and extension bytes of a NIfTI file."""

    header: bytes
    pixels: NiftiPixels
    pair_header: bytes | None = None
    format: str = "nifti"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Everything before the pixels, word for word; `strip` blanks the text fields and drops the extensions."""
        header, warnings = self.header, []
        pair = self.pair_header or b""
        which = "pair" if self.pair_header is not None else "single"
        target = pair if which == "pair" else header
        if identifiers == "strip":
            target = _strip(target)
        else:
            warnings = _text_warnings(target)
        header, pair = (header, target) if which == "pair" else (target, b"")
        facts: dict[str, Json] = {
            "pair": which == "pair",
            "file_shape": [int(n) for n in self.pixels.file_shape],
            "file_dtype": _dtype_code(self.pixels.file_dtype),
        }
        return Packed("nifti", facts, {"before_pixels": header, "pair_header": pair}, which == "pair", tuple(warnings))


def read(path: Path) -> Scan:
    """Open a NIfTI file; pixels stay on disk.

    Raises:
        InputError: not a NIfTI file, a damaged header, or a file shorter than its header says.
    """
    try:
        image = nib.Nifti2Image.from_filename(str(path)) if _is_nifti2(path) else nib.load(str(path))
    except Exception as error:  # a damaged header raises nearly anything
        raise _unreadable(path, error) from error
    if not isinstance(image, nib.Nifti1Pair):
        raise InputError("is not a NIfTI-1 or NIfTI-2 file", where=path)
    try:
        return _scan(path, image)
    except (InputError, GeometryError):
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _scan(path: Path, image: Any) -> Scan:
    header = image.header
    pixels_path = Path(image.file_map["image"].filename)
    header_path = Path(image.file_map.get("header", image.file_map["image"]).filename)
    shape = tuple(int(n) for n in header.get_data_shape())
    if not shape or len(shape) > 7 or min(shape) < 0:
        raise InputError(f"the header gives the impossible shape {shape}", where=path)
    if 0 in shape:
        raise InputError(f"the image is empty (shape {shape})", where=path)
    offset = int(image.dataobj.offset)  # nibabel blanks it in the header
    pixels = NiftiPixels(pixels_path, shape + (1,) * (3 - len(shape)), header.get_data_dtype(), offset)
    _check_length(pixels)
    before = _read_head(pixels_path, offset)
    pair_header = None if header_path == pixels_path else _read_head(header_path, 1 << 26)
    affine, problems = _affine(header)
    slope, inter = header.get_slope_inter()
    if slope is not None and pixels.file_dtype.names:
        problems.append("the header scales RGB values; the scaling is ignored")
        slope = None
    frame_ms, meaning, time_problems = _time(header, pixels.shape[1], path)
    return Scan(
        pixels=pixels,
        geometry=affine,
        intensity=Intensity() if slope is None else Intensity.linear(slope, inter or 0.0),
        frame_ms=frame_ms,
        t_meaning=meaning,
        colour="rgb" if pixels.colours == 3 else "grey" if pixels.shape[0] == 1 else "channels",
        problems=tuple(problems + time_problems),
        native=NiftiNative(before, pixels, pair_header),
    )


def _affine(header: Any) -> tuple[Affine | None, list[str]]:
    """sform, else qform, else the spacing alone; a broken one is passed over and named."""
    problems: list[str] = []
    for name in ("sform", "qform"):
        if int(header[f"{name}_code"]) > 0:
            try:
                matrix = header.get_sform() if name == "sform" else header.get_qform()
                return check_affine(matrix), problems
            except (GeometryError, ValueError, ArithmeticError, HeaderDataError) as error:
                reason = error.what if isinstance(error, GeometryError) else "it is not a rotation"
                problems.append(f"the {name} is not usable: {reason}")
    spacing = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64))
    problems.append("neither sform nor qform: orientation unknown, spacing only")
    try:
        return check_affine(np.diag([*spacing, 1.0])), problems
    except GeometryError:
        return None, [*problems, "the voxel spacing is zero or not finite"]


def _time(header: Any, frames: int, path: Path) -> tuple[tuple[float, ...] | None, TMeaning, list[str]]:
    if frames == 1:
        return None, "unknown", []
    _, unit = header.get_xyzt_units()
    step = float(str(header["pixdim"][4])) * _TIME_MS.get(unit, math.nan)  # str: 0.046 for float32(0.046)
    if _has_gradients(path, frames):
        return None, "diffusion", []
    if not math.isfinite(step) or step <= 0:
        return None, "unknown", ["the time unit or the frame interval is not stated"]
    start = float(header["toffset"]) * _TIME_MS[unit]
    start = start if math.isfinite(start) else 0.0
    return tuple(start + step * frame for frame in range(frames)), "time", []


def _has_gradients(path: Path, frames: int) -> bool:
    """True where BIDS says so: "dwi" is a word of the name, or a .bval file beside it lists one value per frame."""
    if _DIFFUSION_WORDS & set(re.split(r"[^a-z]+", path.name.lower())):
        return True
    bval = path.with_name(path.name.split(".nii")[0] + ".bval")
    try:
        return len(bval.read_text(encoding="ascii").split()) == frames
    except (OSError, UnicodeDecodeError):
        return False


def _check_length(pixels: NiftiPixels) -> None:
    size = pixels.path.stat().st_size
    needed = pixels.offset + math.prod(pixels.file_shape) * pixels.file_dtype.itemsize
    available = size * GZIP_MAX_RATIO if pixels.path.name.endswith(".gz") else size
    if needed > available:
        raise InputError(
            f"the header promises {needed} bytes, the file has {size}", where=pixels.path, fix="copy the file again"
        )


def _is_nifti2(path: Path) -> bool:
    """True for a single-file NIfTI-2 whose sizeof_hdr is 540 in either byte order."""
    if not path.name.endswith((".nii", ".nii.gz")):
        return False
    head = _read_head(path, 4)
    return head in (struct.pack("<i", 540), struct.pack(">i", 540))


def _open(path: Path) -> Any:
    return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")


def _create(path: Path) -> Any:
    return gzip.open(path, "wb", compresslevel=6) if path.name.endswith(".gz") else path.open("wb")


def _read_head(path: Path, size: int) -> bytes:
    try:
        with _open(path) as file:
            return bytes(file.read(size))
    except (OSError, EOFError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("no such file", where=path)
    return InputError(
        f"cannot be read as NIfTI ({_first_line(error)})", where=path, fix="check that the copy is complete"
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:160]


def _split_colours(array: NDArray[np.void]) -> NDArray[np.uint8]:
    """(I, J, K, T, C) of RGB records to (I, J, K, T, C * 3) of uint8, the colour fastest."""
    names = array.dtype.names or ()
    parts = np.stack([array[name] for name in names], axis=-1)
    return parts.reshape(*array.shape[:4], -1)


def _dtype_code(dtype: np.dtype[Any]) -> str:
    return {3: "RGB24", 4: "RGBA32"}[len(dtype.names)] if dtype.names else dtype.str


def _text_warnings(header: bytes) -> list[str]:
    parsed = _parse(header)
    kept = [name for name in _TEXT_FIELDS if name in parsed.dtype.names and bytes(parsed[name].item()).strip(b"\0 ")]
    warnings = []
    if kept:
        warnings.append(f"NIfTI text fields are kept ({', '.join(kept)}); --strip blanks them")
    if len(header) > parsed.dtype.itemsize + 4 and any(header[parsed.dtype.itemsize : parsed.dtype.itemsize + 1]):
        warnings.append("NIfTI header extensions are kept; --strip drops them")
    return warnings


def _strip(header: bytes) -> bytes:
    """Blank the text fields and the extensions; the length stays, so the pixel offset does too."""
    parsed = _parse(header)
    blanked = bytearray(header)
    for name in _TEXT_FIELDS:
        if name in (parsed.dtype.names or ()):
            dtype, start = parsed.dtype.fields[name][:2]
            blanked[start : start + dtype.itemsize] = bytes(dtype.itemsize)
    end = parsed.dtype.itemsize
    blanked[end:] = bytes(len(blanked) - end)
    return bytes(blanked)


def _parse(header: bytes) -> Any:
    """The header as a structured array in its own byte order."""
    size = struct.unpack("<i", header[:4])[0]
    order = "<" if size in (348, 540) else ">"
    cls = nib.Nifti2Header if 540 in (size, struct.unpack(">i", header[:4])[0]) else nib.Nifti1Header
    dtype = cls.template_dtype.newbyteorder(order)
    return np.frombuffer(header[: dtype.itemsize], dtype=dtype)[0]


def restore(packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None:
    """Write a NIfTI file with the original header and extension bytes and the given pixels.

    The suffix of `path` decides about gzip; a pair is written into the folder `path` as image.hdr and image.img.

    Raises:
        CorruptFileError: the stored facts do not fit the pixels.
    """
    shape = tuple(int(n) for n in packed.facts["file_shape"])  # type: ignore[arg-type,union-attr]
    code = str(packed.facts["file_dtype"])
    colours = {"RGB24": 3, "RGBA32": 4}.get(code, 1)
    c, t, i, j, k = pixels.shape
    if math.prod(shape) * colours != c * t * i * j * k or shape[:3] != (i, j, k):
        raise CorruptFileError("the stored NIfTI shape does not fit the pixels", where=path)
    if packed.facts["pair"]:
        (path / "image.hdr").write_bytes(packed.blobs["pair_header"])
        path = path / "image.img"
    with _create(path) as file:
        file.write(packed.blobs["before_pixels"])
        for plane in range(c // colours):
            for frame in range(t):
                _write_frame(file, pixels, plane * colours, colours, frame)


def _write_frame(file: Any, pixels: Pixels, channel: int, colours: int, frame: int) -> None:
    array = pixels.read(t=slice(frame, frame + 1))[channel : channel + colours, 0]
    if colours > 1:
        file.write(np.ascontiguousarray(array.transpose(3, 2, 1, 0)).tobytes())
    else:
        file.write(array[0].tobytes(order="F"))
