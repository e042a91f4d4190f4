"""Measure a pair of masks that lie on one grid.

Letters: T time, I J K voxel axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import GeometryError, InputError
from vesalius.metrics.cardiac import voxel_ml
from vesalius.metrics.masks import Measured, measure_masks, pieces
from vesalius.metrics.overlap import labels_of
from vesalius.scan.geometry import shear_degrees, spacing_mm, to_world
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.scan.note import Contradiction
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.masks.find import Pair

MOST_LABELS = 256
"""A mask with more labels is considered an image."""
_AWAY_MM = 1e-2
_SHEAR_DEGREES = 0.1
_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class PairResult:
    """A measured pair.

    Args:
        pair: the masks.
        rows: one for each frame and class that either mask holds.
        notes: caveats, one sentence each.
        frames: number of frames of the reference, measured or not.
    """

    pair: Pair
    rows: tuple[Measured, ...]
    notes: tuple[str, ...]
    frames: int = 1


def measure_pair(
    pair: Pair, classes: Mapping[int, str], values: Literal["classes", "objects"] = "classes"
) -> PairResult:
    """Measure the labels of `classes` (label -> name) in a pair; without classes, all that either mask holds.

    Args:
        pair: the masks.
        classes: label -> name.
        values: what a label names: a class, or one of many objects, which together are label 1.

    Raises:
        GeometryError: the masks lie on different grids.
        InputError: one of them cannot be read or is no label mask.
    """
    scans = pair.predicted.open(), pair.reference.open()
    check_grids(*scans, pair)
    predicted, reference = (
        _labels(scan, mask, values) for scan, mask in zip(scans, (pair.predicted, pair.reference), strict=True)
    )
    predicted = _same_frames(predicted, reference, pair)
    kept, notes = _labelled_frames(reference)
    notes += dict.fromkeys(
        problem.kind for scan in scans for problem in scan.problems if isinstance(problem, Contradiction)
    )
    affine = None if scans[1].geometry is None else scans[1].affine
    if affine is None:
        notes.append("the files state no geometry: no distances in mm, no volumes")
    elif shear_degrees(affine) > _SHEAR_DEGREES:
        notes.append("the voxel axes are not at right angles: distances are measured as if they were")
    unnamed = sorted(set(labels_of(predicted, reference)) - set(classes)) if classes else []
    if unnamed:
        notes.append(f"labels that are no class were not measured: {', '.join(map(str, unnamed))}")
    notes += _only_predicted(predicted[kept], reference[kept], classes)
    rows = tuple(
        row
        for t in kept
        for row in _rows(pair, predicted[t], reference[t], affine, classes, t if len(reference) > 1 else None)
    )
    return PairResult(pair, rows, tuple(notes), len(reference))


def check_grids(predicted: Scan, reference: Scan, pair: Pair) -> None:
    """Raise GeometryError unless two scans have the same voxels in the same places."""
    where = pair.predicted.where
    if predicted.shape[2:] != reference.shape[2:]:
        sizes = ["x".join(map(str, scan.shape[2:])) for scan in (predicted, reference)]
        raise GeometryError(
            f"has {sizes[0]} voxels, the reference {sizes[1]}", where=where, fix=_fix(predicted, reference)
        )
    if predicted.geometry is None and reference.geometry is None:
        return
    for scan, words in ((predicted, "it"), (reference, "its reference")):
        if scan.grid_problem is not None:
            fix = "write both masks as NIfTI on the grid of their image"
            raise GeometryError(f"{words} lies on no known grid: {scan.grid_problem}", where=where, fix=fix)
    away = float(np.abs(_corners(predicted) - _corners(reference)).max())
    if away > _AWAY_MM:
        what = f"lies up to {away:.3g} mm off the reference: another grid"
        raise GeometryError(what, where=where, fix=_fix(predicted, reference))


def _fix(predicted: Scan, reference: Scan) -> str:
    orientation = reference.orientation
    if predicted.orientation and orientation and predicted.orientation != orientation:
        return f"turn it: vesalius convert MASK -o OUT --orient {orientation}"
    return "write it on the grid of the image that the reference was drawn on, labels by nearest neighbour"


def _corners(scan: Scan) -> NDArray[np.float64]:
    ends = np.array([[0, size - 1] for size in scan.shape[2:]])
    return to_world(scan.affine, np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3))


def _labels(scan: Scan, mask: Any, values: Literal["classes", "objects"]) -> NDArray[np.int32]:
    """Labels of a mask, (T, I, J, K)."""
    fix = "give a label mask: one channel of whole numbers, 0 for background"
    try:
        labels = read_labels(scan, 0, _LARGEST)[0].astype(np.int32)
    except NotLabelsError as error:
        raise InputError(str(error), where=mask.where, fix=fix) from error
    if values == "objects":
        return (labels > 0).astype(np.int32)
    count = len(labels_of(labels))
    if count > MOST_LABELS:
        raise InputError(f"holds {count:,} different labels and looks like an image", where=mask.where, fix=fix)
    return labels


def _same_frames(predicted: NDArray[np.int32], reference: NDArray[np.int32], pair: Pair) -> NDArray[np.int32]:
    """The frames of the predicted mask that the reference has."""
    frame = pair.reference.frame
    if len(predicted) == len(reference) and not pair.by_cine:
        return predicted
    if pair.by_cine and len(predicted) == 1:
        fix = f"give one mask of all frames, or one called {pair.reference.keys[-1]}"
        raise GeometryError("has one frame, but the name of a whole cine", where=pair.predicted.where, fix=fix)
    if len(reference) == 1 and frame is not None and frame < len(predicted):
        return predicted[frame : frame + 1]
    what = f"has {len(predicted)} frames, the reference {len(reference)}"
    fix = "say in a manifest which frame the reference is of" if len(reference) == 1 else "give masks of equal length"
    raise GeometryError(what, where=pair.predicted.where, fix=fix)


def _labelled_frames(reference: NDArray[np.int32]) -> tuple[list[int], list[str]]:
    """Frames to measure: of several, those in which the reference has a label."""
    frames = len(reference)
    kept = [t for t in range(frames) if frames == 1 or reference[t].any()]
    if len(kept) == frames:
        return kept, []
    return kept, [f"{frames - len(kept)} of {frames} frames have no label in the reference and were left out"]


def _only_predicted(
    predicted: NDArray[np.int32], reference: NDArray[np.int32], classes: Mapping[int, str]
) -> Iterator[str]:
    """A note for classes that some frame of the reference lacks: perhaps they were not outlined there."""
    lacking = {
        label
        for found, truth in zip(predicted, reference, strict=True)
        for label in set(labels_of(found)) - set(labels_of(truth))
        if not classes or label in classes
    }
    if lacking:
        names = ", ".join(classes.get(label, str(label)) for label in sorted(lacking))
        yield f"predicted where the reference has none (Dice 0): {names}; if it was not outlined there, leave it out"


def _rows(
    pair: Pair,
    predicted: NDArray[np.int32],
    reference: NDArray[np.int32],
    affine: NDArray[np.float64] | None,
    classes: Mapping[int, str],
    t: int | None,
) -> Iterator[Measured]:
    """The classes of one frame (I, J, K) that either mask holds."""
    mask = pair.reference
    labels = [label for label in labels_of(predicted, reference) if not classes or label in classes]
    axes = [axis for axis, size in enumerate(reference.shape) if size > 1]
    rows = measure_masks(
        np.squeeze(predicted),  # a picture has no surface along its third axis
        np.squeeze(reference),
        {f"{mask.structure} {classes.get(label, label)}".lstrip(): (label,) for label in labels},
        None if affine is None else [spacing_mm(affine)[axis] for axis in axes],
        math.nan if affine is None else voxel_ml(affine),
        case=mask.case,
        patient=mask.patient,
        mask=mask.name,
        frame=mask.frame if t is None else t,
        structure=mask.structure,
    )
    for row in rows:
        counts = [pieces(labels == row.label) for labels in (predicted, reference)]
        yield replace(row, predicted_pieces=counts[0], reference_pieces=counts[1])
