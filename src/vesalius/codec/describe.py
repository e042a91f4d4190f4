"""What a `.vsl` file says of itself, without decoding a pixel."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from vesalius.codec.container import MAJOR, MINOR
from vesalius.codec.decode import open_vsl
from vesalius.codec.header import scan_facts
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan


def header_scan(path: Path) -> Scan:
    """A Scan with the facts of a `.vsl` file and no readable pixels, for `inspect`."""
    import numpy as np

    header = open_vsl(path).header
    nothing = np.broadcast_to(np.zeros((), dtype=header.dtype), header.shape)
    return Scan(pixels=ArrayPixels(nothing), **scan_facts(header))


def describe(path: Path) -> dict[str, Any]:
    """The container's side of a `.vsl` file as JSON-able facts.

    Raises:
        CorruptFileError: damaged.
    """
    file = open_vsl(path)
    header, size = file.header, path.stat().st_size
    voxels = math.prod(header.shape)
    tiers = []
    for model, reached in zip(header.tiers, file.tail.tiers if file.tail else (), strict=True):
        tiers.append(
            {
                "name": model.name,
                "coder": model.coder,
                "target": model.target,
                "why": reached.note,
                "frames_per_chunk": model.frames_per_chunk,
                "slices_per_chunk": model.slices_per_chunk,
                "exact_decoder": model.exact,
                "psnr_db": reached.psnr_db,
                "max_error": reached.max_error,
            }
        )
    return {
        "format_version": f"{MAJOR}.{MINOR}",
        "tool": header.tool,
        "source_format": header.format,
        "bytes": size,
        "ratio_16_bit": 2 * voxels / size,
        "bits_per_voxel": 8 * size / voxels,
        "peak": header.peak,
        "attachments": {blob.name: blob.length for blob in header.blobs},
        "tiers": tiers,
    }
