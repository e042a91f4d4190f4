"""One scan of the demo: compressed, restored and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.compress import CompressResult, compress_scan
from vesalius.codec.decode import decode_scan, open_vsl, restore
from vesalius.codec.options import CompressConfig
from vesalius.errors import TargetError
from vesalius.report.chart import Line, rate_distortion
from vesalius.report.figure import Shown, panel
from vesalius.report.page import Section
from vesalius.report.result import Result
from vesalius.report.scan_viewer import frame_step_ms
from vesalius.report.table import Cell, number
from vesalius.report.viewer import PaneStacks, Stack, error_stack, grey, viewer
from vesalius.scan.describe import describe_scan
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.scan.uid_key import random_key
from vesalius.tasks.demo.subjects import DemoScan
from vesalius.transforms.view import to_view, view_of
from vesalius.transforms.window import DISPLAY_PERCENT, percentile_range, to_grey

CURVE_FRAMES = 10
CURVE_VOXELS = 1 << 20
"""Scans of fewer frames, or of more voxels, get no curve of the coders that use time."""
ERROR_GAIN = 10.0
"""How much errors are amplified to look through."""
CURVE_RUNGS = (0.35, 0.5, 0.65, 0.8, 0.95)
"""Places on the coders' ladders, best 0, worst 1."""


class Demonstration:
    """Rows, pictures and a section for one subject."""

    def __init__(self, subject: DemoScan, folder: Path, threads: int) -> None:
        self.subject, self.folder, self.threads = subject, folder, threads
        self.scan: Scan = open_scan(subject.path)
        self.key = random_key()

    def run(self, result: Result) -> None:
        """Add the rows, the figures and a section of the subject."""
        section = result.section(self.subject.title)
        result.rows.append(self._lossless())
        shown = []
        section.text(self._sentence(result.rows[-1])).definitions(_facts(self.scan))
        films = []
        for target in self.subject.targets:
            row, restored = self._lossy(target, section)
            if row is not None and restored is not None:
                result.rows.append(row)
                caption = f"{target.words}\n{number(float(row['ratio'] or 0))}:1"
                shown.append(Shown(caption, _picture(restored)))
                films.append((caption, restored))
        if shown:
            result.figures |= self._pictures(section, shown, films)
        if self.scan.shape[1] >= CURVE_FRAMES and self.scan.voxels <= CURVE_VOXELS:
            result.figures |= self._curve(section)

    def _sentence(self, lossless: dict[str, Cell]) -> str:
        ratio = float(lossless["source_ratio"] or 0)
        size = (
            f"is {number(ratio)} times smaller than" if ratio >= 1 else f"takes {number(1 / ratio)} times the bytes of"
        )
        lost = "" if ratio >= 1 else ", which was stored with loss"
        kept = "comes back equal" if lossless["equal"] else "does NOT come back equal"
        return (
            f"Without loss the file {size} the original{lost}, and {kept}, by the reader of {self.subject.package}; "
            "the pictures show what a given quality, ratio or greatest error leaves of it."
        )

    def _lossless(self) -> dict[str, Cell]:
        packed, path = self._compress(CompressConfig())
        restored = self.folder / f"restored-{self.subject.name}{self._suffix()}"
        restore(open_vsl(path), restored, threads=self.threads)
        equal = self.subject.same(self.subject.path, restored)
        restored.unlink()
        return {**self._row(packed, CompressConfig()), "equal": equal}

    def _lossy(self, target: CompressConfig, section: Section) -> tuple[dict[str, Cell] | None, Scan | None]:
        try:
            packed, path = self._compress(target)
        except TargetError as error:
            section.text(f"{target.words}: {error}", tone="note")
            return None, None
        return self._row(packed, target), decode_scan(path).resident()

    def _compress(self, target: CompressConfig) -> tuple[CompressResult, Path]:
        path = self.folder / "scans" / f"{self.subject.name}-{target.words.replace(' ', '-').replace(':', '-')}.vsl"
        options = replace(target, threads=self.threads)
        return compress_scan(self.scan, path, options, uid_key=self.key), path

    def _row(self, packed: CompressResult, target: CompressConfig) -> dict[str, Cell]:
        (tier,) = packed.tiers
        return {
            "scan": self.subject.name,
            "target": target.words,
            "coder": tier.coder,
            "bytes": packed.bytes_written,
            "ratio": packed.ratio,
            "source_ratio": self.subject.path.stat().st_size / packed.bytes_written,
            "psnr_db": tier.psnr_db,
            "max_error": tier.max_error,
            "equal": None,
            "seconds": round(packed.encode_seconds, 2),
        }

    def _pictures(self, section: Section, shown: list[Shown], films: list[tuple[str, Scan]]) -> dict[str, bytes]:
        name, original_JI = f"{self.subject.name}.png", _picture(self.scan)
        window = percentile_range(original_JI, *DISPLAY_PERCENT)
        view = view_of(self.scan, "upright")
        png = panel(
            original_JI, shown, window=window, spacing_mm=view.spacing_mm or (1.0, 1.0), unit=self.scan.intensity.unit
        )
        alt = f"{self.subject.title}: original, restored pictures and their errors"
        if self.scan.shape[1] * self.scan.shape[4] == 1:
            section.figure(name, "Error: restored minus original, amplified.", alt)
            return {name: png}
        original_TKJI = _film(self.scan, window)
        panes = [PaneStacks("Original", [Stack(original_TKJI)])]
        restored = [(caption.split("\n"), _film(scan, window)) for caption, scan in films]
        panes += [PaneStacks(words, [Stack(film_TKJI)], lines) for (words, *lines), film_TKJI in restored]
        for column, ((words, *_), film_TKJI) in enumerate(restored, start=2):
            error = error_stack(film_TKJI.astype(np.int16) - original_TKJI, 255 / ERROR_GAIN)
            panes.append(PaneStacks(f"Error x {ERROR_GAIN:g}, {words}", [error], column=column))
        block, files = viewer(
            f"{self.subject.name}-view",
            panes,
            still=name,
            caption="Errors are those seen in the grey window: white is none, red brighter, blue darker.",
            alt=alt,
            start=(self.scan.shape[1] // 2, self.scan.shape[4] // 2),
            frame_ms=frame_step_ms(self.scan),
            pixel_aspect=view.pixel_aspect,
            columns=1 + len(films),
            exact=True,
        )
        section.viewer(block)
        return {**files, name: png}

    def _curve(self, section: Section) -> dict[str, bytes]:
        """Draw rate against distortion for the two coders that use time."""
        curves = []
        for coder in ("svtav1", "x265"):
            points = []
            ladder, path = coder_named(coder).qualities, self.folder / "curve.vsl"
            for place in CURVE_RUNGS:
                step = ladder[int(place * (len(ladder) - 1))]
                options = CompressConfig(quality=step, coder=coder, threads=self.threads)
                result = compress_scan(self.scan, path, options, uid_key=self.key)
                path.unlink()
                if result.tiers[0].psnr_db is not None:
                    points.append((result.ratio, result.tiers[0].psnr_db))
            curves.append(Line(coder, [ratio for ratio, _ in points], [psnr for _, psnr in points]))
        name = f"{self.subject.name}-rate.png"
        section.figure(name, "Compression ratio (2 bytes a voxel) against PSNR.", "Rate-distortion curves")
        return {name: rate_distortion({"Whole field": curves}, "PSNR (dB)")}

    def _suffix(self) -> str:
        return {".jpg": ".png"}.get(self.subject.path.suffix, "".join(self.subject.path.suffixes[-2:]))


def _picture(scan: Scan) -> NDArray[Any]:
    """Return the middle slice of the middle frame, upright, real values (J, I)."""
    t, k = scan.shape[1] // 2, scan.shape[4] // 2
    return to_grey(to_view(scan, "upright", t=slice(t, t + 1), k=slice(k, k + 1)), scan.colour)[0]


def _film(scan: Scan, window: tuple[float, float]) -> NDArray[np.uint8]:
    """Return all pictures, upright, 8 bits (T, K, J, I); of colours their luminance."""
    pictures_BJI = grey(to_grey(to_view(scan, "upright"), scan.colour), window)
    return pictures_BJI.reshape(scan.shape[1], scan.shape[4], *pictures_BJI.shape[1:])


def _facts(scan: Scan) -> dict[str, str]:
    facts = vars(describe_scan(scan))
    wanted = ("shape", "dtype", "spacing_mm", "orientation", "grid_problem", "modality", "t_meaning", "problems")
    return {key.replace("_", " "): _words(facts[key]) for key in wanted if facts[key] not in (None, (), "")}


def _words(fact: Any) -> str:
    if not isinstance(fact, tuple):
        return str(fact)
    return "; ".join(fact) if isinstance(fact[0], str) else " x ".join(map(str, fact))
