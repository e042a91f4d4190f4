"""What the tab Predict does: a scan, a model, and what it found. Runs in the process of the jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vesalius.app.lines import without_paths
from vesalius.app.slices import ShownScan, keep, keep_labels
from vesalius.app.uploads import scan_of
from vesalius.app.worker import Report
from vesalius.errors import InputError, UsageError
from vesalius.files import regular
from vesalius.report.table import fixed
from vesalius.scan.open import find_scans
from vesalius.scan.scan import Scan
from vesalius.transforms.view import View

_CAPTIONS = {
    "heat": "Most suspicious slice: what speaks for the finding",
    "similarity": "The same slice: likeness to the hottest place",
    "profile": "Probability along the slices",
    "volumes": "Volume over the frames",
}
"""Kind of picture -> its caption. Outlines are left out: the viewer shows the label map itself."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of a scan.

    Args:
        shown: its slices.
        line: the result in one line.
        rows: name and value of each measure.
        header: names of the columns of `rows`.
        classes: of a label map, in the order of their numbers.
        start: frame and slice to look at first.
        pictures: path and caption.
        files: what can be taken home.
        notes: warnings and limits, one sentence each.
        about: the model in one sentence.
    """

    shown: ShownScan
    line: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...]
    start: tuple[int, int]
    pictures: tuple[tuple[str, str], ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]
    about: str


def predict_scan(files: Sequence[str], model: str, folder: str, report: Report) -> Prediction:
    """Predict one scan with `vesalius.predict`.

    Args:
        files: that were dropped.
        model: a model folder or a name of the zoo.
        folder: private and empty; receives everything that is written.
        report: receives progress.

    Raises:
        VesaliusError: the scan cannot be read, or the model refuses it.
    """
    from vesalius.tasks.predict.run import predict

    base = Path(folder)
    report(0.05, "Reading the scan")
    path = scan_of([Path(file) for file in files], base / "scan")
    scan = one_scan(path)
    shown, view = keep(scan, base / "slices")
    report(0.3, "Loading the model and predicting")
    result = predict(model, [path], base / "predictions")
    if result.failed or not result.results:
        reason = result.failed[0]["reason"] if result.failed else "nothing was predicted"
        raise InputError(reason)
    report(0.9, "Drawing")
    name, measures = next(iter(result.results.items()))
    out = base / "predictions"
    classes, start = _label_map(out, name, model, shown), (0, 0)
    if not classes:
        start = (0, _suspicious(measures, view, shown))
    elif (shown.folder / "labels.npy").exists():
        start = _fullest(shown)
    notes = [*measures.get("warnings", ()), *result.limits]
    header, rows = rows_of(measures)
    return Prediction(
        shown=shown,
        line=without_paths(result.summary[name]),
        header=header,
        rows=rows,
        classes=classes,
        start=start,
        pictures=tuple(
            (str(picture), caption)
            for kind, caption in _CAPTIONS.items()
            if (picture := out / "figures" / f"{name}.{kind}.png").exists()
        ),
        files=tuple(str(file) for file in (*_written(out, name), out / "summary.json")),
        notes=tuple(without_paths(note) for note in dict.fromkeys(notes)),
        about=result.about,
    )


def one_scan(path: Path) -> Scan:
    """Open the scan at a path.

    Raises:
        InputError: nothing readable.
        UsageError: several scans.
    """
    listed = find_scans(path)
    readable = [found for found in listed if found.refusal is None]
    if not readable:
        return listed[0].open()
    if len(readable) > 1:
        raise UsageError(f"{len(readable)} scans were dropped", fix="drop the files of one series or picture")
    return readable[0].open().resident()


def rows_of(measures: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the columns and rows of a table of measures: findings with their thresholds, else numbers.

    Example:
        >>> rows_of({"lv mL": 101.26, "frames": 20, "warnings": []})[1]
        (('lv mL', '101.3'), ('frames', '20'))
    """
    found = measures.get("classes")
    if isinstance(found, Mapping):
        rows = []
        for name, facts in found.items():
            said = {True: "positive", False: "negative", None: "no threshold"}[facts["positive"]]
            if "class" in measures:
                said = "most probable" if facts["positive"] else ""
            rows.append((name, fixed(facts["probability"], 3), fixed(facts["threshold"], 3), said))
        return ("finding", "probability", "threshold", "result"), tuple(rows)
    numbers = {key: value for key, value in measures.items() if isinstance(value, int | float)}
    shown = [(key, str(value) if isinstance(value, int) else fixed(value, 1)) for key, value in numbers.items()]
    return ("measure", "value"), tuple(shown)


def _label_map(out: Path, name: str, model: str, shown: ShownScan) -> tuple[str, ...]:
    """Keep the label map of a segmenter; return its classes, none for other models."""
    from vesalius.weights.place import locate

    config = json.loads(regular(locate(model) / "config.json").read_text(encoding="utf-8"))
    if config.get("task") != "segment":
        return ()
    labels = config["settings"]["labels"]
    written = out / f"{name}{config['settings'].get('suffix', '.nii.gz')}"
    label_map = one_scan(written)
    kept = keep_labels(label_map, {label: int(values[0]) for label, values in labels.items()}, shown)
    return tuple(labels) if kept else ()


def _suspicious(measures: Mapping[str, Any], view: View, shown: ShownScan) -> int:
    """The slice of the viewer that shows the most suspicious one."""
    top = next(iter(measures.get("top_slices", ())), None)
    if top is None or top.get("file_axis", "k") != "k":
        return shown.slices // 2
    index = int(top.get("file_index", top["slice"]))
    return shown.place(0, index if view.steps[2] > 0 else shown.slices - 1 - index)[1]


def _fullest(shown: ShownScan) -> tuple[int, int]:
    """Frame and slice with the most labels."""
    sizes = {
        (t, k): int((labels > 0).sum())
        for t in range(shown.frames)
        for k in range(shown.slices)
        if (labels := shown.labels(t, k)) is not None
    }
    return max(sizes, key=lambda place: sizes[place]) if sizes else (0, shown.slices // 2)


def _written(out: Path, name: str) -> list[Path]:
    """Files of a study beside its figures."""
    return [file for file in sorted(out.glob(f"{name}*")) if file.is_file()]
