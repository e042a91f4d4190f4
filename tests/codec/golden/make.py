"""Makes golden `.vsl` files that do not exist yet. Run once for each released change of a coder or of the format:

    python tests/codec/golden/make.py

A file that exists is never written again, and its line in golden.json never changed: version 1 files decode for ever.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from codec.scans import Kept, options_for, scan_of, smooth  # noqa: E402
from codec.second_decoder import decode  # noqa: E402
from vesalius.codec.coders.table import coder  # noqa: E402
from vesalius.codec.compress import compress_scan  # noqa: E402
from vesalius.codec.options import Lossless, MaxError, Psnr, Quality  # noqa: E402
from vesalius.scan.intensity import Intensity  # noqa: E402


def holes(stored):
    """A float array with NaN and infinities."""
    stored = stored.copy()
    stored[0, 0, 1, 2, 0], stored[0, 1, 3, 4, 0], stored[0, 1, 0, 0, 0] = np.nan, np.inf, -np.inf
    return stored


def every_bit(dtype, shape):
    """Noise in every bit, NaN with payloads among it."""
    dtype = np.dtype(dtype)
    raw = np.random.default_rng(11).integers(0, 256, (*shape, dtype.itemsize), dtype=np.uint8)
    return raw.view(dtype)[..., 0]


def masked(stored):
    """A corner that is 0 in every frame, as scanners leave it."""
    stored = stored.copy()
    stored[:, :, :7, :5], stored[:, :, 12] = 0, 0
    return stored


U2 = smooth((1, 4, 21, 18, 2), np.uint16, 3000)
F4 = smooth((1, 3, 19, 17, 2), np.float32, 700) / np.float32(3)
COLOUR = smooth((3, 1, 23, 20, 1), np.uint8, 250)
STRIPED = Intensity(np.array([[1.0, 2.5], [0.5, 3.0], [1.5, 1.0]]), np.array([[0.0, -7.0], [1.0, 2.0], [0.25, 9.0]]))


def middle(name):
    """A rung in the middle of a coder's ladder."""
    ladder = coder(name).qualities
    return Quality(ladder[len(ladder) // 2])


FILES = {
    "u2-deflate": (U2, Lossless(), "deflate", {}),
    "u2-jpegls": (U2, Lossless(), "jpegls", {}),
    "u2-jpeg2000": (U2, Lossless(), "jpeg2000", {}),
    "u2-jpegxl": (U2, Lossless(), "jpegxl", {}),
    "u2-x265": (U2, Lossless(), "x265", {}),
    "i2-big-endian-frames": ((U2.astype(np.int16) - 900).astype(">i2"), Lossless(), "x265", {"access": "frame"}),
    "u1-colour": (COLOUR, Lossless(), "jpegxl", {"colour": "rgb"}),
    "bool": (COLOUR > 120, Lossless(), "jpegls", {}),
    "f4-table": (np.round(F4 / 9) * np.float32(0.37), Lossless(), "jpegxl", {}),
    "f4-whole": (np.round(F4), Lossless(), "jpegls", {}),
    "f8-planes": (every_bit(">f8", (1, 2, 6, 5, 1)), Lossless(), "jpeg2000", {}),
    "c8-planes": (every_bit("<c8", (1, 2, 6, 5, 1)), Lossless(), "deflate", {}),
    "u2-svtav1-lossy": (U2, middle("svtav1"), "svtav1", {}),
    "u2-x265-lossy": (U2, middle("x265"), "x265", {}),
    "u2-jpegls-lossy": (U2, middle("jpegls"), "jpegls", {}),
    "f4-masked-x265-lossy": (holes(F4), middle("x265"), "x265", {"intensity": STRIPED}),
    "i4-svtav1-psnr": (U2.astype(np.int32) * 1000 - 7, Psnr(34), "svtav1", {"access": "frame"}),
    "u2-bounded": (U2, MaxError(6), "jpegls", {}),
    "u2-bounded-svtav1": (U2, MaxError(9), "svtav1", {}),
    "f4-masked-bounded": (holes(F4), MaxError(0.7), "jpegxl", {"intensity": STRIPED}),
    "f4-masked-bounded-x265": (holes(F4), MaxError(0.7), "x265", {}),
    "tiers-bounded": (F4, [Lossless(), MaxError(2.5)], "jpegxl", {}),
    "u2-wls": (masked(U2), Lossless(), "wls", {}),
    "i2-big-endian-frames-wls": ((U2.astype(np.int16) - 900).astype(">i2"), Lossless(), "wls", {"access": "frame"}),
    "u2-still-wls": (smooth((1, 1, 40, 33, 9), np.uint16, 40000), Lossless(), "wls", {}),
    "f4-table-wls": (np.round(F4 / 9) * np.float32(0.37), Lossless(), "wls", {}),
    "u2-classes-wls": (smooth((1, 5, 150, 110, 1), np.uint16, 60), Lossless(), "wls", {}),
    "u2-bounded-wls": (U2, MaxError(6), "wls", {}),
    "tiers-psnr": (U2, [Lossless(), Psnr(38)], "x265", {}),
}
"""name -> stored values (C, T, I, J, K), targets, coder, facts of the scan or `access`."""


def make(name: str, path: Path) -> dict:
    """Write one file; what is known of it."""
    stored, targets, chosen, facts = FILES[name]
    facts = dict(facts)
    access = facts.pop("access", "slice")
    scan = scan_of(stored, native=Kept({"kept": b"kept word for word"}), **facts)
    done = compress_scan(
        scan,
        path,
        options_for(*(targets if isinstance(targets, list) else [targets]), coder=chosen, access=access, threads=1),
    )
    data = path.read_bytes()
    tiers = []
    for number, tier in enumerate(done.tiers):
        values = decode(data, number)  # by the decoder that shares no code with the package
        if tier.name == "lossless" and values.tobytes() != stored.tobytes():
            raise AssertionError(f"{name}: tier {number} is not what was coded")
        tiers.append({"name": tier.name, "sha256": hashlib.sha256(values.tobytes()).hexdigest()})
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "dtype": stored.dtype.str,
        "shape": list(stored.shape),
        "tiers": tiers,
    }


def main() -> None:
    known = FOLDER / "golden.json"
    facts = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    for name in FILES:
        path = FOLDER / f"{name}.vsl"
        if name in facts or path.exists():
            continue
        facts[name] = make(name, path)
        print(f"{path.name}: {path.stat().st_size} bytes")  # noqa: T201
    known.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
