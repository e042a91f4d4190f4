"""Scans for the tests of the codec: arrays of every number type, and a native side that needs no file."""

from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vesalius.codec.decode import decode_all, open_vsl
from vesalius.codec.options import CompressConfig, Lossless, MaxError, Psnr, Quality, Ratio
from vesalius.errors import CorruptFileError
from vesalius.scan.native import Packed
from vesalius.scan.scan import Scan

NUMBERS = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "c8", "c16", "G")
"""Every number type of NumPy; g and G are the long ones."""
CASE_TYPES = ("u1", "i2", "i4", "f4", "f8", "c8", "c16", "i1", "u2", "u4", "i8", "u8")
"""Number types of NIfTI."""
DTYPES = tuple(dict.fromkeys(np.dtype(code).newbyteorder(order) for code in NUMBERS for order in "<>"))
REAL = tuple(d for d in DTYPES if d.kind in "iuf" and d.itemsize <= 8)


@dataclass(frozen=True)
class Kept:
    """Stands for the source file; what is packed comes back as it is."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    format: str = "numpy"

    def pack(self, identifiers: str, uid_key: bytes | None) -> Packed:
        return Packed(self.format, {"kept": True}, self.blobs)


def scan_of(array, **facts) -> Scan:
    """A scan (C, T, I, J, K) that can be compressed."""
    return Scan.from_array(array, **{"native": Kept(), **facts})


def options_for(*targets, **options) -> CompressConfig:
    """Options that ask for these targets."""
    keys = {Psnr: "psnr", Ratio: "ratio", MaxError: "max_error", Quality: "quality"}
    for target in targets:
        if isinstance(target, Lossless):
            options["lossless"] = True
        else:
            options[keys[type(target)]] = next(iter(vars(target).values()))
    return CompressConfig(**options)


def noise(dtype, shape, seed=0) -> np.ndarray:
    """Every bit drawn at random: NaN with payloads, infinities, -0.0 and extremes come by themselves."""
    dtype = np.dtype(dtype)
    raw = np.random.default_rng(seed).integers(0, 256, (*shape, dtype.itemsize), dtype=np.uint8)
    return raw.view(dtype)[..., 0] if dtype.kind != "b" else (raw[..., 0] & 1).view(dtype)


def specials(dtype) -> np.ndarray:
    """The values of a type that go wrong first: extremes, zeros of both signs, infinities, NaN with payloads."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.array([limits.min, limits.min + 1, 0, 1, limits.max - 1, limits.max], dtype=dtype)
    if dtype.kind == "c":
        parts = specials(np.dtype(dtype.char.lower() if dtype.char == "G" else f"f{dtype.itemsize // 2}"))
        pairs = np.empty((len(parts), len(parts)), dtype=dtype.newbyteorder("="))
        pairs.real, pairs.imag = np.meshgrid(parts, parts)
        return pairs.ravel().astype(dtype)
    info, native = np.finfo(dtype), dtype.newbyteorder("=")
    plain = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, info.max, info.min, info.tiny, info.smallest_subnormal]
    values = np.array(plain, dtype=native)
    if dtype.itemsize <= 8:
        bits = np.dtype(f"u{dtype.itemsize}")
        top, mantissa = 1 << (8 * dtype.itemsize - 1), (1 << info.nmant) - 1
        infinity = int(np.array(np.inf, dtype=native).view(bits))
        odd = [infinity | 1, infinity | mantissa, infinity | top | 5, infinity | (mantissa >> 1) + 3]
        values = np.concatenate([values, np.array(odd, dtype=bits).view(native)])
    return values.astype(dtype)


def of_specials(dtype, shape, seed=0) -> np.ndarray:
    """An array of draws from `specials`."""
    values = specials(dtype)
    places = np.random.default_rng(seed).integers(0, len(values), shape)
    return values[places]


def smooth(shape, dtype=np.int16, top=1000, seed=0) -> np.ndarray:
    """A smooth picture (C, T, I, J, K) that moves in time, with a little noise."""
    c, t, i, j, k = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    wave = np.sin(0.2 * i + 0.3 * t + c) + np.cos(0.15 * j - 0.1 * t) + 0.3 * np.sin(0.5 * k)
    rough = np.random.default_rng(seed).normal(0, 0.02, shape)
    return np.rint(top * (wave + 2.5 + rough) / 5).astype(dtype)


def shapes(most=4):
    """Shapes (C, T, I, J, K) with ones among them."""
    return hnp.array_shapes(min_dims=5, max_dims=5, min_side=1, max_side=most)


def same_bits(one, other) -> bool:
    """Equal in shape, type, byte order and every bit."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def attempt(work):
    """What `work` gives, or the CorruptFileError it raises; any other exception is a failure."""
    try:
        return work()
    except CorruptFileError as error:
        return error


def refused(outcome, path: Path) -> bool:
    """True for an error of one line that names the file; False for a result."""
    if not isinstance(outcome, CorruptFileError):
        return False
    assert len(str(outcome).splitlines()) == 1
    assert outcome.where == str(path)
    return True


def decoded(path: Path, tier=None) -> np.ndarray:
    """All stored values of a tier."""
    scan, _, _ = decode_all(open_vsl(path, tier), 1)
    return scan.stored()


def write_nifti(path: Path, array, affine=None, slope=None, inter=0.0) -> Path:
    """A NIfTI file by nibabel with these stored values (I, J, K, T, C) and this scaling."""
    image = nib.Nifti1Image(array, np.diag([1.4, 1.5, 8.0, 1.0]) if affine is None else affine, dtype=array.dtype)
    image.header.set_xyzt_units("mm", "sec")
    if slope is not None:
        image.header.set_slope_inter(1.0, 0.0)
    image.to_filename(path)
    if slope is not None:  # nibabel would scale the values; the fields are put into the bytes
        raw = bytearray(path.read_bytes())
        raw[112:120] = np.array([slope, inter], dtype="<f4").tobytes()
        path.write_bytes(raw)
    return path


dtypes = st.sampled_from(DTYPES)
seeds = st.integers(0, 2**32 - 1)
