"""Label maps as units to learn from, and repairs of predicted maps.

A unit is one label map and the image, or the frame of a cine, that it lies on.
Letters: I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_mask
from vesalius.errors import InputError, UsageError
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.tasks.label_values import LARGEST, LabelValues
from vesalius.tasks.segment.config import SegmentData


def units(cohort: Cohort, masks: Sequence[str]) -> Cohort:
    """One case for each label map of each case, with the id ID, or ID/MAP where there are several maps.

    Its mask and frame are renamed to "mask".
    """
    maps = []
    for case in cohort:
        for name in (mask for mask in masks if mask in case.masks):
            change = {
                "id": case.id if len(masks) == 1 else f"{case.id}/{name}",
                "masks": {MASK: case.masks[name]},
                "frames": {MASK: case.frames[name]} if name in case.frames else {},
            }
            maps.append(case.model_copy(update=change))
    return Cohort(tuple(maps), cohort.root, cohort.notes)


def frame_of_units(cohort: Cohort, data: SegmentData) -> str | None:
    """The name of the frame for the loader; None for static images.

    Raises:
        UsageError: some units lie on a frame and some do not.
    """
    with_frame = sum(MASK in case.frames for case in cohort)
    if with_frame not in (0, len(cohort)):
        raise UsageError(
            f"{with_frame} of {len(cohort)} masks lie on a frame of a cine, the others do not",
            where=data.where,
            fix="make two manifests",
        )
    return MASK if with_frame else None


def read_classes(units: Cohort, case: Case, values: LabelValues) -> NDArray[np.int8]:
    """Class numbers of the label map of a unit on the map's grid, shape (I, J, K).

    Raises:
        InputError: it cannot be read, has several frames, or holds a value that is no label or belongs to no class.
    """
    where = f"case {case.id}"
    mask = open_mask(units, case, MASK)
    if mask.shape[:2] != (1, 1):
        raise InputError(f"a label map of shape {mask.shape} (C, T, I, J, K) is no volume", where=where)
    try:
        labels_IJK = read_labels(mask, LARGEST.min, LARGEST.max)[0, 0]
    except NotLabelsError as error:
        raise InputError(f"a mask {error}", where=where, fix="give a label map") from error
    return values.classes(labels_IJK.astype(np.int16), where)


def organ_pieces(classes_IJK: NDArray[np.integer], numbers: Sequence[int]) -> NDArray[np.integer]:
    """The map with one connected piece (faces touch) of each of these classes; their other pieces are background.

    Of the pieces of all these classes together, the one with the most of its scarcest class is the organ. In it, the
    two pieces of different classes with the longest common border are kept, and of each further class the piece that
    borders longest on them. So the chambers and the wall of a heart stay, and not a larger piece of liver that was
    taken for a chamber, be it apart or adjoining. A class that borders on none keeps its largest piece.

    Example:
        >>> organ_pieces(np.array([[[1, 1, 1, 1, 0, 1, 2]]]), [1, 2])
        array([[[0, 0, 0, 0, 0, 1, 2]]])
    """
    if not numbers:
        return classes_IJK
    organ_IJK = _organ(classes_IJK, numbers)
    pieces_IJK = np.zeros(classes_IJK.shape, np.int64)
    class_of = [0]
    for number in numbers:
        found, count = ndimage.label(organ_IJK & (classes_IJK == number))
        pieces_IJK[found > 0] = found[found > 0] + len(class_of) - 1
        class_of += [number] * count
    border = _borders(pieces_IJK, np.array(class_of))
    chosen = [int(piece) for piece in np.unravel_index(border.argmax(), border.shape)] if border.nnz else []
    sizes = np.bincount(pieces_IJK.ravel(), minlength=len(class_of))
    for number in numbers:
        candidates = [piece for piece, its_class in enumerate(class_of) if its_class == number]
        if candidates and not set(candidates) & set(chosen):
            on_chosen = np.asarray(border[:, chosen].sum(axis=1)).ravel()
            chosen.append(max(candidates, key=lambda piece: (on_chosen[piece], sizes[piece])))
    return np.where(np.isin(classes_IJK, numbers) & ~np.isin(pieces_IJK, chosen), 0, classes_IJK)


def _organ(classes_IJK: NDArray[np.integer], numbers: Sequence[int]) -> NDArray[np.bool_]:
    """The piece of all these classes together with the most of its scarcest class; where none has all, all pieces."""
    pieces, count = ndimage.label(np.isin(classes_IJK, numbers))
    sizes = [np.bincount(pieces[classes_IJK == number], minlength=count + 1)[1:] for number in numbers]
    scarcest = np.min(sizes, 0) if count else np.zeros(0)
    whole: NDArray[np.bool_] = pieces == 1 + scarcest.argmax() if scarcest.any() else pieces > 0
    return whole


def _borders(pieces_IJK: NDArray[np.int64], class_of: NDArray[np.int64]) -> sparse.csr_matrix:
    """Faces between each two pieces of different classes; piece 0 is no piece. Sparse: a poor map has many pieces."""
    count = len(class_of)
    border = sparse.csr_matrix((count, count), dtype=np.int64)
    for axis in range(pieces_IJK.ndim):
        along = np.moveaxis(pieces_IJK, axis, 0)
        one, other = along[:-1].ravel(), along[1:].ravel()
        is_border = (one > 0) & (other > 0) & (class_of[one] != class_of[other])
        faces = np.ones(int(is_border.sum()), np.int64)
        border += sparse.csr_matrix((faces, (one[is_border], other[is_border])), shape=(count, count))
    return border + border.T


_LARGE, _ENCLOSED = 0.3, 0.5


def walled(classes_IJK: NDArray[np.integer], cavity: int, wall: int) -> NDArray[np.integer]:
    """The map without a large cavity in slices where less than half of its border is on its wall: an atrium, say.

    Slices are those along k. A cavity below 0.3 of its largest slice stays: at the apex its wall is often not seen.

    Example:
        >>> ring = np.pad(np.pad(np.ones((2, 2), int), 1, constant_values=2), 1)
        >>> bare = np.where(ring == 2, 0, ring)
        >>> walled(np.stack([ring, bare], axis=2), 1, 2).sum(axis=(0, 1)).tolist()
        [28, 0]
    """
    kept = classes_IJK.copy()
    cavity_IJK = np.pad(classes_IJK == cavity, ((1, 1), (1, 1), (0, 0)))
    wall_IJK = np.pad(classes_IJK == wall, ((1, 1), (1, 1), (0, 0)))
    border_K, on_wall_K = np.zeros((2, classes_IJK.shape[2]), np.int64)
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        edge_IJK = cavity_IJK & ~np.roll(cavity_IJK, shift, axis)
        border_K += edge_IJK.sum(axis=(0, 1))
        on_wall_K += (edge_IJK & np.roll(wall_IJK, shift, axis)).sum(axis=(0, 1))
    area_K = cavity_IJK.sum(axis=(0, 1))
    open_K = (area_K > _LARGE * area_K.max(initial=0)) & (on_wall_K < _ENCLOSED * border_K)
    kept[(classes_IJK == cavity) & open_K] = 0
    return kept


def largest_pieces(classes_IJK: NDArray[np.integer], numbers: Sequence[int]) -> NDArray[np.integer]:
    """The map with only the largest connected piece (faces touch) of each of these classes; the rest is background."""
    kept = classes_IJK.copy()
    for number in numbers:
        pieces, count = ndimage.label(classes_IJK == number)
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            kept[(pieces > 0) & (pieces != sizes.argmax())] = 0
    return kept
