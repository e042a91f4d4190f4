"""The demo: every job of this version, small, on scans that ship inside our dependencies.

Nothing is fetched. Each restored file is compared with its source by the library that brought the source, not by ours.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.compress import CompressResult, compress_scan
from vesalius.codec.decode import decode_scan, open_vsl
from vesalius.codec.restore import restore
from vesalius.codec.target import Lossless, MaxError, Psnr, Quality, Ratio, Target
from vesalius.errors import InputError, TargetError
from vesalius.output import new_folder
from vesalius.report.chart import Line, rate_distortion
from vesalius.report.figure import Shown, panel
from vesalius.report.html import run_report
from vesalius.report.made import made
from vesalius.report.page import Column, Report, Section
from vesalius.report.table import Cell, fixed, number, write_csv
from vesalius.scan.describe import describe_scan
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.compress.uid_key import random_key
from vesalius.transforms.view import to_view, view_of
from vesalius.transforms.window import DISPLAY_PERCENT, percentile_range, to_grey

CURVE_FRAMES = 10
CURVE_VOXELS = 1 << 20
"""Scans of fewer frames, or of more voxels, get no curve of the coders that use time."""
CURVE_RUNGS = (0.35, 0.5, 0.65, 0.8, 0.95)
"""Places on the coders' ladders, best 0, worst 1."""
COLUMNS = ("scan", "target", "coder", "bytes", "ratio", "source_ratio", "psnr_db", "max_error", "equal", "seconds")


@dataclass(frozen=True)
class Subject:
    """One scan of the demo.

    Args:
        name: short name, used for files.
        title: what it is.
        package: the package that ships it.
        parts: path below that package.
        targets: lossy targets to show.
        same: compares source and restored file with the package's own reader.
    """

    name: str
    title: str
    package: str
    parts: tuple[str, ...]
    targets: tuple[Target, ...]
    same: Callable[[Path, Path], bool]

    @property
    def path(self) -> Path:
        """Where it lies on this machine."""
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise InputError(f"package {self.package} is missing", fix=f"pip install {self.package}")
        path = Path(spec.origin).parent.joinpath(*self.parts)
        if not path.exists():
            raise InputError(f"this {self.package} ships no {path.name}", fix=f"pip install -U {self.package}")
        return path


def _same_nifti(source: Path, restored: Path) -> bool:
    import nibabel as nib

    first, second = nib.load(source), nib.load(restored)
    equal_header = first.header.binaryblock == second.header.binaryblock
    return equal_header and np.asarray(first.dataobj).tobytes() == np.asarray(second.dataobj).tobytes()


def _same_dicom(source: Path, restored: Path) -> bool:
    import pydicom
    from pydicom.pixels import pixel_array

    first, second = (pixel_array(pydicom.dcmread(path), raw=True) for path in (source, restored))
    return bool(first.dtype == second.dtype and np.array_equal(first, second))


def _same_picture(source: Path, restored: Path) -> bool:
    from PIL import Image

    with Image.open(source) as first, Image.open(restored) as second:
        return bool(np.array_equal(np.asarray(first), np.asarray(second)))


SUBJECTS = (
    Subject(
        "functional", "Brain over time, 20 frames (NIfTI)", "nibabel", ("tests", "data", "functional.nii"),
        (Psnr(40), Ratio(10), MaxError(5)), _same_nifti,
    ),
    Subject(
        "example4d", "Brain, two volumes, header extensions (NIfTI)", "nibabel", ("tests", "data", "example4d.nii.gz"),
        (Psnr(40), Ratio(20), MaxError(5)), _same_nifti,
    ),
    Subject(
        "ct", "One CT slice, in HU (DICOM)", "pydicom", ("data", "test_files", "CT_small.dcm"),
        (Psnr(40), MaxError(5)), _same_dicom,
    ),
    Subject(
        "ultrasound", "Ultrasound, 30 colour frames", "pydicom", ("data", "test_files", "examples_ybr_color.dcm"),
        (Psnr(40),), _same_dicom,
    ),
    Subject(
        "retina", "Eye background in colour (JPEG)", "skimage", ("data", "retina.jpg"),
        (Psnr(40),), _same_picture,
    ),
)  # fmt: skip


def demo(
    output: Path, *, threads: int = 1, force: bool = False, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Inspect, compress, restore and compare every subject, and write a report.

    Args:
        output: folder to write: report.html, summary.json, table.csv, figures/ and the `.vsl` files in scans/.
        threads: chunks coded at a time.
        force: replace an existing folder.
        progress: called with one line per step.

    Returns:
        {"path", "report", "rows"}: one row for each scan and target.

    Raises:
        InputError: a dependency does not ship its scan any more.
        OutputError: the folder exists or cannot be written.
    """
    started = time.perf_counter()
    rows: list[dict[str, Cell]] = []
    with new_folder(output, force=force) as part:
        for folder in ("scans", "figures"):
            (part / folder).mkdir()
        report = Report(
            title="Vesalius demo",
            task="demo",
            lead="Real scans that ship inside the dependencies of Vesalius, compressed, restored and compared with the "
            "reader of the package that ships them.",
        )
        overview = report.section("What came out")
        for subject in SUBJECTS:
            progress(subject.title)
            rows += _Demonstration(subject, part, threads).run(report)
        _overview(overview, rows)
        report.made = made("vesalius demo", threads)
        report.results = {"rows": rows}
        report.save(part)
        write_csv(part / "table.csv", rows, COLUMNS)
        run_report(part)
    progress(f"done in {time.perf_counter() - started:.0f} s")
    return {"path": str(output), "report": str(output / "report.html"), "rows": rows}


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people: one line per row."""
    shown = [f"{'scan':<12}{'target':<16}{'coder':<10}{'bytes':>9}{'ratio':>9}{'PSNR dB':>9}  equal"]
    for row in result["rows"]:
        equal = {True: "yes", False: "NO", None: ""}[row["equal"]]
        measured = f"{row['bytes']:>9}{number(row['ratio']):>9}{fixed(row['psnr_db'], 1):>9}"
        shown.append(f"{row['scan']:<12}{row['target']:<16}{row['coder']:<10}{measured}  {equal}")
    return [*shown, f"open {result['report']}"]


class _Demonstration:
    """One subject: its rows, pictures and section."""

    def __init__(self, subject: Subject, folder: Path, threads: int) -> None:
        self.subject, self.folder, self.threads = subject, folder, threads
        self.scan: Scan = open_scan(subject.path)
        self.key = random_key()

    def run(self, report: Report) -> list[dict[str, Cell]]:
        section = report.section(self.subject.title)
        section.definitions(_facts(self.scan))
        rows, shown = [self._lossless()], []
        for target in self.subject.targets:
            row, restored = self._lossy(target, section)
            if row is not None and restored is not None:
                rows.append(row)
                caption = f"{target.words}\n{number(float(row['ratio'] or 0))}:1"
                shown.append(Shown(caption, _picture(restored)))
        if shown:
            self._pictures(section, shown)
        if self.scan.shape[1] >= CURVE_FRAMES and self.scan.voxels <= CURVE_VOXELS:
            self._curve(section)
        return rows

    def _lossless(self) -> dict[str, Cell]:
        done, path = self._compress(Lossless())
        restored = self.folder / f"restored-{self.subject.name}{self._suffix()}"
        restore(open_vsl(path), restored, threads=self.threads)
        equal = self.subject.same(self.subject.path, restored)
        _remove(restored)
        return {**self._row(done, Lossless()), "equal": equal}

    def _lossy(self, target: Target, section: Section) -> tuple[dict[str, Cell] | None, Scan | None]:
        try:
            done, path = self._compress(target)
        except TargetError as error:
            section.text(f"{target.words}: {error}", tone="note")
            return None, None
        return self._row(done, target), decode_scan(path).resident()

    def _compress(self, target: Target) -> tuple[CompressResult, Path]:
        path = self.folder / "scans" / f"{self.subject.name}-{target.words.replace(' ', '-').replace(':', '-')}.vsl"
        return compress_scan(self.scan, path, target, threads=self.threads, uid_key=self.key), path

    def _row(self, done: CompressResult, target: Target) -> dict[str, Cell]:
        (tier,) = done.tiers
        return {
            "scan": self.subject.name,
            "target": target.words,
            "coder": tier.coder,
            "bytes": done.bytes_written,
            "ratio": done.ratio,
            "source_ratio": self.subject.path.stat().st_size / done.bytes_written,
            "psnr_db": tier.psnr_db,
            "max_error": tier.max_error,
            "equal": None,
            "seconds": round(done.encode_seconds, 2),
        }

    def _pictures(self, section: Section, shown: list[Shown]) -> None:
        name, original_JI = f"{self.subject.name}.png", _picture(self.scan)
        window = percentile_range(original_JI, *DISPLAY_PERCENT)
        spacing_mm = view_of(self.scan, "upright").spacing_mm or (1.0, 1.0)
        png = panel(original_JI, shown, window=window, spacing_mm=spacing_mm, unit=self.scan.intensity.unit)
        (self.folder / "figures" / name).write_bytes(png)
        caption = "Middle slice and frame. Error: restored minus original, amplified."
        section.figure(name, caption, f"{self.subject.title}: original, restored pictures and their errors")

    def _curve(self, section: Section) -> None:
        """Rate against distortion for the two coders that use time."""
        curves = []
        for coder in ("svtav1", "x265"):
            points = []
            ladder, path = coder_named(coder).qualities, self.folder / "curve.vsl"
            for place in CURVE_RUNGS:
                rung = Quality(ladder[int(place * (len(ladder) - 1))])
                done = compress_scan(self.scan, path, rung, coder=coder, threads=self.threads, uid_key=self.key)
                path.unlink()
                if done.tiers[0].psnr_db is not None:
                    points.append((done.ratio, done.tiers[0].psnr_db))
            curves.append(Line(coder, [ratio for ratio, _ in points], [psnr for _, psnr in points]))
        name = f"{self.subject.name}-rate.png"
        (self.folder / "figures" / name).write_bytes(rate_distortion({"Whole field": curves}, "PSNR (dB)"))
        section.figure(name, "Compression ratio (2 bytes a voxel) against PSNR.", "Rate-distortion curves")

    def _suffix(self) -> str:
        return {".jpg": ".png"}.get(self.subject.path.suffix, "".join(self.subject.path.suffixes[-2:]))


def _picture(scan: Scan) -> NDArray[Any]:
    """The middle slice of the middle frame, upright, real values (J, I)."""
    t, k = scan.shape[1] // 2, scan.shape[4] // 2
    return to_grey(to_view(scan, "upright", t=slice(t, t + 1), k=slice(k, k + 1)), scan.colour)[0]


def _facts(scan: Scan) -> dict[str, str]:
    facts = describe_scan(scan)
    wanted = ("shape", "dtype", "spacing_mm", "orientation", "grid_problem", "modality", "t_meaning", "problems")
    return {key.replace("_", " "): _words(facts[key]) for key in wanted if facts.get(key) not in (None, [], "")}


def _words(fact: Any) -> str:
    if not isinstance(fact, list):
        return str(fact)
    return "; ".join(fact) if isinstance(fact[0], str) else " x ".join(map(str, fact))


def _overview(section: Section, rows: list[dict[str, Cell]]) -> None:
    columns = [Column(name=name) for name in ("Scan", "Target", "Coder")]
    columns += [Column(name=name, numeric=True) for name in ("Bytes", "Ratio", "PSNR (dB)", "Max error")]
    columns.append(Column(name="Equal to the source"))
    cells = []
    for row in rows:
        equal = {True: "yes", False: "NO", None: ""}[row["equal"]]  # type: ignore[index]
        measured = [f"{row['bytes']:,}", number(row["ratio"]), fixed(row["psnr_db"], 2), number(row["max_error"])]  # type: ignore[arg-type]
        cells.append([str(row["scan"]), str(row["target"]), str(row["coder"]), *measured, equal])
    section.table(columns, cells, "Ratio: 2 bytes x voxels / bytes of the file. Max error in the scan's own units.")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
