"""Tokens of a beating heart beside a lossy and a lossless tier of one file, moving side by side.

The tokenizer needs torch, which is an extra; without it the section shows the two other tiers.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient
from vesalius.phantom.nifti import write_nifti
from vesalius.report.result import Result
from vesalius.report.viewer import PaneStacks, Stack, grey, still_of, viewer
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.demo.models import NEEDS
from vesalius.transforms.view import to_view
from vesalius.transforms.window import DISPLAY_PERCENT, percentile_range
from vesalius.weights.card import read_card
from vesalius.weights.place import locate
from vesalius.wording import Progress

TITLE = "TiTok-MRI: a beating heart as tokens"
MODEL, RATIO = "tokenize/cine_cycle", 1000.0
FIGURE = "tokens.png"


def show_tokens(result: Result, folder: Path, threads: int, progress: Progress) -> None:
    """Compress a phantom in three ways and add a section with a viewer.

    Args:
        result: receives the section and the figure.
        folder: of the report; files go below `scans`.
        threads: chunks coded at a time.
        progress: called with one line.
    """
    progress(TITLE)
    patient = cine_patient(CineOptions(seed=2, size=128, frames=20), "heart")
    path = folder / "scans" / "beat.nii.gz"
    frame_ms = patient.frame_ms[1] - patient.frame_ms[0]
    write_nifti(path, patient.image_TIJK, patient.affine, frame_ms / 1000)
    scan = open_scan(path)
    ways = {
        "lossless": CompressConfig(threads=threads),
        "lossy": CompressConfig(psnr=38, coder="svtav1", threads=threads),
        "tokens": CompressConfig(tier="tokens", model=MODEL, ratio=RATIO, threads=threads),
    }
    if find_spec(NEEDS) is None:
        del ways["tokens"]
    source: tuple[str, ...] = (f"{path.stat().st_size:,} bytes as .nii.gz",)
    shown, lines = [(scan, "original", source)], []
    for name, options in ways.items():
        written = compress_scan(scan, folder / "scans" / f"beat-{name}.vsl", options)
        (tier,) = written.tiers
        quality = "every bit" if tier.psnr_db is None else f"{tier.psnr_db:.1f} dB"
        words = (f"{written.bytes_written:,} bytes, {written.ratio:,.0f}:1", quality)
        shown.append((decode_scan(written.path).resident(), name, words))
        lines.append(f"{name} {words[0]}, {quality}")
    section = result.section(TITLE).text(
        "Every bit, a video coder, and integers that a network turns back into pictures: of a phantom, each in a file "
        "of its own, so that its bytes can be seen. One file can hold them all."
    )
    if "tokens" in ways:
        section.text(" ".join(read_card(locate(MODEL)).caveats), "warning")
    window = percentile_range(_film(scan), *DISPLAY_PERCENT)
    panes = [PaneStacks(name, [Stack(grey(_film(one), window)[:, None])], words) for one, name, words in shown]
    alt = f"{TITLE}: original, {'; '.join(lines)}"
    block, files = viewer(
        "tokens", panes, still=FIGURE, caption="Middle slice.", alt=alt, frame_ms=frame_ms, exact=True
    )
    result.figures |= {**files, FIGURE: still_of(panes)}
    section.viewer(block)


def _film(scan: Scan) -> NDArray[np.floating]:
    """Return the middle slice over time, (T, J, I)."""
    k = scan.shape[4] // 2
    return np.asarray(to_view(scan, "upright", k=slice(k, k + 1)))[:, 0]
