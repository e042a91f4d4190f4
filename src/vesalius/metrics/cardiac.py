"""What the heart pumps, measured from label masks.

By default the labels are those of ACDC and of the cine phantoms: 1 RV cavity, 2 LV myocardium, 3 LV cavity. Other data
number them otherwise (M&Ms: 1 LV cavity, 3 RV cavity), so every function takes the label.
Letters: T time, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vesalius.errors import InputError
from vesalius.metrics.cycle import STATED, EfFrom, cycle_ends
from vesalius.metrics.overlap import labels_of

RV, MYOCARDIUM, LV = 1, 2, 3
DENSITY_G_PER_ML = 1.05
"""Of myocardium."""
_MM3_PER_ML = 1000
_ONE_FRAME, _BOTH = "one frame has no end-diastole and end-systole", "give masks of both"


@dataclass(frozen=True)
class Pumping:
    """Volumes of a cavity at the ends of the cycle, and what follows from them.

    Args:
        edv_ml: volume at end-diastole, above 0.
        esv_ml: volume at end-systole, above 0.
        ed_frame: frame of end-diastole, from 0; None where it was measured from a mask of its own.
        es_frame: frame of end-systole, the same.
        ef_from: how the two moments are known.
    """

    edv_ml: float
    esv_ml: float
    ed_frame: int | None = None
    es_frame: int | None = None
    ef_from: EfFrom = STATED

    @property
    def sv_ml(self) -> float:
        """Stroke volume: EDV - ESV."""
        return self.edv_ml - self.esv_ml

    @property
    def ef_percent(self) -> float:
        """Ejection fraction: 100 (EDV - ESV) / EDV; negative where the mask of end-systole is the larger one."""
        return 100 * self.sv_ml / self.edv_ml


def voxel_mm3(affine: ArrayLike) -> float:
    """Volume of a voxel from a 4x4 affine in mm: the determinant, which holds for sheared grids too.

    Raises:
        ValueError: not 4x4, or the volume is 0 or not finite.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"an affine of shape {matrix.shape}")
    volume = abs(float(np.linalg.det(matrix[:3, :3])))
    if not np.isfinite(volume) or volume == 0:
        raise ValueError("a voxel has no volume")
    return volume


def volumes_ml(
    labels_TIJK: ArrayLike, voxel_mm3: float, classes: Iterable[int] | None = None
) -> dict[int, NDArray[np.float64]]:
    """Volume of each class in each frame.

    Args:
        labels_TIJK: labels (T, I, J, K), or (I, J, K) for one frame.
        voxel_mm3: volume of a voxel.
        classes: labels to measure; by default all that the mask holds, without 0.

    Returns:
        label -> volumes in mL, shape (T,).

    Raises:
        ValueError: another number of axes.
    """
    labels = _frames(labels_TIJK)
    wanted = labels_of(labels) if classes is None else tuple(classes)
    return {
        label: np.array([np.count_nonzero(frame == label) for frame in labels]) * (voxel_mm3 / _MM3_PER_ML)
        for label in wanted
    }


def ed_es_frames(labels_TIJK: ArrayLike, cavity: int = LV) -> tuple[int, int]:
    """Frames of end-diastole and end-systole, from 0: the smoothed volume is largest and smallest there (`cycle_ends`).

    Raises:
        InputError: fewer than two frames, or a frame without the cavity.
        ValueError: another number of axes.
    """
    volumes = _cavity(_frames(labels_TIJK), 1.0, cavity)
    if len(volumes) < 2:
        raise InputError(_ONE_FRAME, fix=_BOTH)
    ed, es, *_ = cycle_ends(volumes)
    return ed, es


def pumping(
    labels_TIJK: ArrayLike, voxel_mm3: float, cavity: int = LV, frames: tuple[int, int] | None = None
) -> Pumping:
    """EDV, ESV, SV and EF of a cavity from the labels of a whole cycle.

    Args:
        labels_TIJK: labels of every frame, or of some with end-diastole and end-systole among them.
        voxel_mm3: volume of a voxel.
        cavity: its label.
        frames: end-diastole and end-systole, from 0, where they are known; by default both are read off the smoothed
            volume curve, as are their volumes (`cycle_ends`), so the labels must then be those of one whole beat.

    Raises:
        InputError: a frame that is needed has no cavity or does not exist.
        ValueError: another number of axes.
    """
    labels = _frames(labels_TIJK)
    if frames is None:
        volumes = _cavity(labels, voxel_mm3, cavity)
        if len(volumes) < 2:
            raise InputError(_ONE_FRAME, fix=_BOTH)
        ed, es, edv_ml, esv_ml, source = cycle_ends(volumes)
        return Pumping(edv_ml, esv_ml, ed, es, source)
    for frame in frames:
        if not 0 <= frame < len(labels):
            raise InputError(f"there is no frame {frame}, the mask has {len(labels)}", fix="count frames from 0")
    edv_ml, esv_ml = _cavity(labels[list(frames)], voxel_mm3, cavity, frames).tolist()
    return Pumping(edv_ml, esv_ml, *frames)


def pumping_of_pair(ed_IJK: ArrayLike, es_IJK: ArrayLike, voxel_mm3: float, cavity: int = LV) -> Pumping:
    """EDV, ESV, SV and EF of a cavity from a mask of end-diastole and one of end-systole on voxels of one size.

    Raises:
        InputError: one of them has no cavity.
        ValueError: another number of axes.
    """
    edv_ml, esv_ml = (
        float(_cavity(_frames(mask), voxel_mm3, cavity, (name,))[0]) for name, mask in (("ED", ed_IJK), ("ES", es_IJK))
    )
    return Pumping(edv_ml, esv_ml)


def mass_g(labels_IJK: ArrayLike, voxel_mm3: float, myocardium: int = MYOCARDIUM) -> float:
    """Mass of the myocardium, usually measured at end-diastole; 0 where there is none.

    Raises:
        ValueError: several frames, or another number of axes.
    """
    labels = _frames(labels_IJK)
    if len(labels) != 1:
        raise ValueError(f"{len(labels)} frames")
    return float(volumes_ml(labels, voxel_mm3, (myocardium,))[myocardium][0]) * DENSITY_G_PER_ML


def _frames(labels: ArrayLike) -> NDArray[np.integer]:
    """(T, I, J, K), with T = 1 for (I, J, K)."""
    array = np.asarray(labels)
    if array.ndim not in (3, 4):
        raise ValueError(f"labels of shape {array.shape} are not (T, I, J, K) or (I, J, K)")
    return array[None] if array.ndim == 3 else array


def _cavity(
    labels_TIJK: NDArray[np.integer], voxel_mm3: float, cavity: int, names: tuple[int | str, ...] | None = None
) -> NDArray[np.float64]:
    """Volumes of the cavity in mL, shape (T,), none of them 0; `names` are told in place of the frames' numbers."""
    volumes = volumes_ml(labels_TIJK, voxel_mm3, (cavity,))[cavity]
    empty = np.flatnonzero(volumes == 0)
    if empty.size:
        name = names[empty[0]] if names else empty[0]
        where = f"frame {name}" if names is None or isinstance(name, int) else f"the {name} mask"
        raise InputError(f"{where} has no cavity (label {cavity})", fix="check the label of the cavity, or the mask")
    return volumes
