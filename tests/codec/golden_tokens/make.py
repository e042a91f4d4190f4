"""Makes golden `.vsl` files with tokens of the shipped model that do not exist yet. Run once for each shipped model:

    python tests/codec/golden_tokens/make.py

A file that exists is never written again: its tokens decode to the same integers for ever, and the model that it names
stays in the package. Pictures come from a network, so a few of their values are kept with the tolerance of the format.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from codec.scans import scan_of  # noqa: E402
from vesalius.codec.compress import compress_scan  # noqa: E402
from vesalius.codec.decode import decode_all, open_vsl  # noqa: E402
from vesalius.codec.options import CompressConfig  # noqa: E402

MODEL = "tokenize/cine_cycle"


def beating(frames, size, slices):
    """Rings that pulse over bright and dark ground; stored values (C, T, I, J, K)."""
    t, i, j, k = np.ogrid[:frames, :size, : size + 5, :slices]
    radius = size / 5 * (1 - 0.3 * np.sin(np.pi * t / frames) ** 2 - 0.1 * k)
    distance = np.hypot(i - size / 2, j - size / 2)
    ground = 200 + 90 * np.sin(i / 5.0) * np.cos(j / 7.0 + k)
    wall = np.exp(-(((distance - radius) / 3) ** 2))
    return np.rint(ground + 500 * (distance < radius) - 250 * wall).clip(0)[None].astype(np.uint16)


FILES = {
    "cycle": (beating(16, 56, 2), {"quality": 12}),
    "cycle-prefix": (beating(15, 41, 1), {"tokens": 8, "quality": 20}),
    "cycle-few-frames": (beating(5, 40, 2), {"quality": 12}),
    "cycle-one-frame": (beating(1, 40, 2), {"quality": 12}),
}
"""name -> stored values, options of the tier."""
EVERY = 997


def make(name: str, path: Path) -> dict:
    """Write one file; what is known of it."""
    stored, options = FILES[name]
    compress_scan(scan_of(stored), path, CompressConfig(tier="tokens", model=MODEL, threads=1, **options))
    file = open_vsl(path, "tokens")
    values = decode_all(file, 1)[0].stored()
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "tokens": file.tail.tiers[0].tokens,
        "values": values.ravel()[::EVERY].tolist(),
    }


def main() -> None:
    known = FOLDER / "golden.json"
    facts = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    for name in FILES:
        if name not in facts:
            facts[name] = make(name, FOLDER / f"{name}.vsl")
    known.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
