"""Precomputed vectors: `.npy` files with labels, patients, studies and splits beside them, or two files for each split.

Letters: N rows, D width, C classes, S studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved
from vesalius.cohort.split import SPLITS
from vesalius.csv_table import number_in, read_text_table
from vesalius.errors import InputError, UsageError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.tasks.detect.config import DetectData
from vesalius.tasks.detect.studies import Vectors, whole

CLASSES = ".txt"
"""Suffix of the file beside labels in `.npy` with the names of their columns, a line each."""
NO_PATIENTS = (
    "no patients were given: {} counts as a separate patient, so the split may leak and intervals may be too narrow"
)


def read_bare(data: DetectData) -> tuple[Cohort, Vectors, tuple[str, ...]]:
    """Return a case for each study (for each row without studies), the vectors, and the labels in their order.

    Raises:
        InputError: a file cannot be read, or holds something else.
        UsageError: two files do not fit each other, or a label is neither 0 nor 1.
    """
    if data.train_embeddings is not None:
        return _read_parts(data)
    if data.embeddings is None or data.labels is None:
        raise UsageError("are missing", where="data.embeddings and data.labels")
    rows_ND = _embeddings(data.embeddings)
    names = {key: _words(getattr(data, key), len(rows_ND)) for key in ("patients", "studies", "splits")}
    studies = names["studies"] or [f"row-{row:07d}" for row in range(len(rows_ND))]
    together: dict[str, list[int]] = {}
    for row, study in enumerate(studies):
        together.setdefault(study, []).append(row)
    labels_XC, classes = _labels(data.labels, data.classes)
    if len(labels_XC) not in (len(rows_ND), len(together)):
        counts = f"{len(rows_ND)} embeddings of {len(together)} studies"
        raise UsageError(f"holds {len(labels_XC)} lines of labels for {counts}", where=data.labels)
    by_row = len(labels_XC) == len(rows_ND)
    cases = []
    for place, (study, rows) in enumerate(together.items()):
        labels_C = whole(labels_XC[rows]) if by_row else labels_XC[place]
        cases.append(
            Case(
                id=study,
                images=_images(data.embeddings.name, rows),
                patient=_common(names["patients"], rows, data.patients),
                study=study if names["studies"] else None,
                split=_common(names["splits"], rows, data.splits),
                labels={
                    name: float(label) for name, label in zip(classes, labels_C, strict=True) if not np.isnan(label)
                },
            )
        )
    notes = [] if names["patients"] else [NO_PATIENTS.format("each study" if names["studies"] else "each row")]
    places = {study: np.array(rows, np.intp) for study, rows in together.items()}
    items_N = np.zeros(len(rows_ND), np.int64)
    for rows_n in places.values():
        items_N[rows_n] = np.arange(len(rows_n))
    row_labels = labels_XC if by_row and names["studies"] else None
    cohort = Cohort(tuple(cases), data.embeddings.parent, tuple(notes))
    return cohort, Vectors(rows_ND, places, items_N, row_labels), classes


def _read_parts(data: DetectData) -> tuple[Cohort, Vectors, tuple[str, ...]]:
    """Read the files of each split, and join them.

    Raises:
        UsageError: the splits have other classes or vectors of other widths, or labels lack lines.
    """
    cases: list[Case] = []
    rows: list[NDArray[np.float32]] = []
    root: Path | None = None
    first, classes = data.train_embeddings, data.classes
    for part in SPLITS:
        embeddings, labels = getattr(data, f"{part}_embeddings"), getattr(data, f"{part}_labels")
        if embeddings is None:
            continue
        alone, vectors, found = read_bare(DetectData(embeddings=embeddings, labels=labels, classes=data.classes))
        if rows and vectors.rows_ND.shape[1] != rows[0].shape[1]:
            what = f"holds vectors of {vectors.rows_ND.shape[1]} numbers, those of {first} have {rows[0].shape[1]}"
            raise UsageError(what, where=embeddings)
        if rows and found != classes:
            what = f"has the labels {', '.join(found)}, {data.train_labels} has {', '.join(classes)}"
            raise UsageError(what, where=labels, fix="name those to learn with data.classes")
        root, classes = root or alone.root, found
        cases += [
            case.model_copy(update={"id": f"{part}-{case.id}", "split": part}) for case in moved(alone, root).cases
        ]
        rows.append(vectors.rows_ND)
    places = {case.id: np.array([row], np.intp) for row, case in enumerate(cases)}
    rows_ND, notes = np.concatenate(rows), (NO_PATIENTS.format("each row"),)
    vectors = Vectors(rows_ND, places, np.zeros(len(rows_ND), np.int64), None)
    return Cohort(tuple(cases), root or Path(), notes), vectors, classes


def _embeddings(path: Path) -> NDArray[np.float32]:
    array = _array(path)
    if path.suffix.lower() != ".npy" or array.ndim != 2 or array.dtype.kind != "f" or not array.size:
        raise InputError(f"is {array.dtype} of shape {array.shape}, not floating [N, D] in .npy", where=path)
    if not np.isfinite(array).all():
        raise InputError("holds NaN or infinite values", where=path, fix="extract the embeddings again")
    return np.ascontiguousarray(array, np.float32)


def _labels(path: Path, wanted: tuple[str, ...]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return labels and their names: the wanted ones, in that order; all if none is wanted."""
    array, names = _label_table(path) if path.suffix.lower() == ".csv" else (_array(path), ())
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise InputError(f"is {array.dtype} of shape {array.shape}, not numbers [N, classes]", where=path)
    if names and wanted:
        missing = [name for name in wanted if name not in names]
        if missing:
            raise UsageError(f"has no column {missing[0]}", where=path, fix=f"choose from {', '.join(names)}")
        array, names = array[:, [names.index(name) for name in wanted]], wanted
    beside, by = ((), "data.classes") if names or wanted else _names_beside(path)
    classes = names or wanted or beside or tuple(f"class {number}" for number in range(1, array.shape[1] + 1))
    if len(classes) != array.shape[1]:
        raise UsageError(f"holds {array.shape[1]} labels, {by} names {len(classes)}", where=path)
    _check_decided(array, classes, path)
    return array.astype(np.float32), classes


def _names_beside(path: Path) -> tuple[tuple[str, ...], str]:
    """Return the names of the columns by a text file beside a `.npy` file, empty without one, and its name."""
    file = path.with_suffix(CLASSES)
    if not file.is_file():
        return (), file.name
    try:
        lines = [line.strip() for line in regular(file).read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("is not a readable text file", where=file) from error
    names = tuple(line for line in lines if line)
    if len(set(names)) < len(names):
        raise InputError("names a class twice", where=file, fix="write a line for each column of the labels")
    return names, file.name


def _check_decided(labels_XC: NDArray[np.generic], classes: Sequence[str], path: Path) -> None:
    """Raise UsageError if a label is neither 0 nor 1 nor NaN."""
    for name, labels_X in zip(classes, labels_XC.astype(np.float64).T, strict=True):
        others = labels_X[~np.isnan(labels_X) & (labels_X != 0) & (labels_X != 1)]
        if len(others):
            what = f"holds other labels than 0 and 1: {name} is {others[0]:g} for one, {len(others)} lines in all"
            raise UsageError(what, where=path, fix="write 0, 1, or nothing (NaN in .npy) where it is unknown")


def _label_table(path: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    if not path.exists():
        raise InputError("does not exist", where=path)
    try:
        table = read_text_table(path, keep_blank=True)
        names = table.columns
        lines = [cells for _, cells in (table.filled() if len(names) == 1 else table.lines) if cells]
        values = [[number_in(cell) if cell.strip() else np.nan for cell in line] for line in lines]
        array = np.array(values, np.float64).reshape(len(values), len(names))
    except ValueError as error:
        fix = "write a header of classes, then 0, 1 or nothing"
        raise InputError("is not a readable table of labels", where=path, fix=fix) from error
    if "" in names or len(set(names)) < len(names):
        wrong = next(name for name in names if not name or names.count(name) > 1)
        what = f"has the column {wrong} {names.count(wrong)} times" if wrong else "has a column without a name"
        raise InputError(what, where=path, fix="leave columns of labels only, each once")
    return array, names


def _words(path: Path | None, count: int) -> list[str]:
    """Return a name for each row; none without a file."""
    if path is None:
        return []
    if path.suffix.lower() == ".npy":
        array = _array(path)
        if array.ndim != 1 or array.dtype.kind not in "iuUS":
            raise InputError(f"is {array.dtype} of shape {array.shape}, not names or whole numbers [N]", where=path)
        words = [word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in array.tolist()]
    else:
        try:
            words = regular(path).read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError as error:
            raise InputError("does not exist", where=path) from error
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("is not readable text", where=path) from error
    if len(words) != count or not all(word.strip() for word in words):
        raise UsageError(f"has {len(words)} names, perhaps empty ones, for {count} embeddings", where=path)
    return [word.strip() for word in words]


def _common(words: list[str], rows: list[int], path: Path | None) -> str | None:
    """Return the word that all rows of a study share."""
    values = {words[row] for row in rows} if words else set()
    if len(values) > 1:
        raise UsageError("says different things of the rows of one study", where=path)
    return values.pop() if values else None


def _images(name: str, rows: list[int]) -> dict[str, str]:
    if len(rows) == 1:
        return {IMAGE: f"{name}#/{rows[0]}"}
    return {str(place): f"{name}#/{row}" for place, row in enumerate(rows, start=1)}


def _array(path: Path) -> NDArray[np.generic]:
    try:
        array = np.load(regular(path), mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError("does not exist", where=path) from error
    except InputError:  # a FIFO or a device
        raise
    except Exception as error:  # a damaged file raises anything
        raise InputError("is not a readable .npy file of plain numbers or words", where=path) from error
    if not isinstance(array, np.ndarray):
        raise InputError("holds several arrays", where=path, fix="give a .npy file")
    check_memory(3 * array.nbytes, path)
    return array
