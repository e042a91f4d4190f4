"""What a heart pumps: end-diastole, end-systole, the ejection fraction, and values that no heart has.

Where the two frames are not stated, they are read off a smoothed volume curve. The largest of many noisy volumes is too
large and the smallest too small, so their difference grows with the noise of the segmenter and the number of frames.
Letters: T time, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

EfFrom = Literal["stated frames", "smoothed curve", "largest and smallest frame"]
"""How end-diastole and end-systole are known."""
STATED: Final = "stated frames"
SMOOTHED: Final = "smoothed curve"
EXTREMES: Final = "largest and smallest frame"
HARMONICS = 2
"""Of the beat. One is too stiff (-7 points of EF without any noise), three follow the noise (+4 where two give +2):
`bench/ejection.py` prints the errors of these and other curves."""
LEAST_FRAMES = 8
"""With fewer frames the five coefficients of the fit follow the noise as the extremes do."""
_LEAST_SHARE = 0.75
"""Share of the frames that must show the cavity; a longer gap would be filled by guesses."""
EDV_ML = (20.0, 600.0)
"""Plausible volumes. Only infants lie below; severely dilated ventricles of adults stay below the upper limit.

These limits lie well outside what is measured in health and disease, so only a failed segmentation, a wrong voxel size
or a wrong label reaches them. Reference intervals: Kawel-Boehm et al. 2020, doi:10.1186/s12968-020-00683-3."""
EF_PERCENT = (5.0, 85.0)
"""Plausible EF. Below, hardly any blood would leave the heart; above, the cavity of the ES mask is all but empty."""
_MM3_PER_ML = 1000


@dataclass(frozen=True)
class Pumping:
    """Volumes of a cavity at end-diastole and end-systole, and what follows from them.

    Args:
        edv_ml: volume at end-diastole.
        esv_ml: volume at end-systole.
        ed_frame: frame of end-diastole, from 0; None where each volume comes from a separate mask.
        es_frame: frame of end-systole, the same.
        ef_from: how the two frames are known.

    Example:
        >>> heart = Pumping(edv_ml=120.0, esv_ml=48.0)
        >>> heart.sv_ml, heart.ef_percent
        (72.0, 60.0)
        >>> Pumping(edv_ml=12.0, esv_ml=6.0).doubts
        {'EDV below 20 mL': '12 mL'}
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
        """Ejection fraction: 100 (EDV - ESV) / EDV; negative where the ES mask is the larger one, NaN without EDV."""
        return 100 * self.sv_ml / self.edv_ml if self.edv_ml else np.nan

    @property
    def doubts(self) -> dict[str, str]:
        """What is implausible -> the value that shows it; empty for a plausible heart or a missing cavity."""
        low, high = EDV_ML
        size = {}
        if 0 < self.edv_ml < low:
            size = {f"EDV below {low:.0f} mL": f"{self.edv_ml:.3g} mL"}
        elif self.edv_ml > high:
            size = {f"EDV above {high:.0f} mL": f"{self.edv_ml:.0f} mL"}
        return size | ef_doubts(self.ef_percent)


def ef_doubts(ef_percent: float) -> dict[str, str]:
    """`Pumping.doubts` of an ejection fraction alone, where the volumes in mL are unknown."""
    low, high = EF_PERCENT
    if ef_percent < 0:
        return {"ESV above EDV, so EF is negative": f"{ef_percent:.1f} %"}
    if ef_percent < low:
        return {f"EF below {low:.0f} %": f"{ef_percent:.1f} %"}
    return {f"EF above {high:.0f} %": f"{ef_percent:.1f} %"} if ef_percent > high else {}


@dataclass(frozen=True)
class Beat:
    """One cine measured on a predicted and a reference mask, at the same two moments.

    Args:
        case: display name.
        patient: patient id; never appears in output.
        predicted: from the predicted masks.
        reference: from the reference masks.
        in_pieces: the masks in which the cavity has several large pieces, e.g. "the predicted mask of ED".
        by: how warnings name the two sides.
    """

    case: str
    patient: str
    predicted: Pumping
    reference: Pumping
    in_pieces: tuple[str, ...] = ()
    by: tuple[str, str] = ("the predicted masks", "the reference masks")

    @property
    def doubts(self) -> list[str]:
        """What is implausible, without values: the tables have them."""
        sides = zip(self.by, (self.predicted, self.reference), strict=True)
        kinds = [f"implausible by {side}: {kind}" for side, pumping in sides for kind in pumping.doubts]
        return kinds + [f"implausible: the LV is in several pieces in {mask}" for mask in self.in_pieces]


def voxel_ml(affine: ArrayLike) -> float:
    """Volume of a voxel in mL from a 4x4 affine in mm: the determinant, which holds for sheared grids too.

    Raises:
        ValueError: not 4x4, or the volume is 0 or not finite.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"an affine of shape {matrix.shape}")
    volume_mm3 = abs(float(np.linalg.det(matrix[:3, :3])))
    if not np.isfinite(volume_mm3) or volume_mm3 == 0:
        raise ValueError("a voxel has no volume")
    return volume_mm3 / _MM3_PER_ML


def volumes_ml(labels_TIJK: ArrayLike, members: Iterable[int], voxel_ml: float) -> NDArray[np.float64]:
    """Volume of a structure in each frame, shape (T,).

    Args:
        labels_TIJK: a label map of each frame.
        members: the labels of the structure.
        voxel_ml: volume of a voxel; 1 counts voxels.

    Example:
        >>> labels_TIJK = np.array([3, 3, 3, 3, 3, 0, 0, 0]).reshape(2, 1, 2, 2)
        >>> volumes_ml(labels_TIJK, (3,), 0.25)
        array([1.  , 0.25])
    """
    return np.asarray(np.isin(labels_TIJK, list(members)).sum((1, 2, 3)) * voxel_ml, dtype=np.float64)


def smoothed(volumes_T: ArrayLike) -> NDArray[np.float64] | None:
    """The volumes of one beat as a mean and two harmonics, fitted by least squares; None where there are too few.

    The curve is periodic. Frames with the volume 0 are left out of the fit: there the segmenter missed the cavity. The
    fit loses sharp corners: -0.7 points of EF at 25 frames, -2 at 8.

    Args:
        volumes_T: in any unit, evenly spaced in time, shape (T,).
    """
    volumes = np.asarray(volumes_T, dtype=np.float64)
    is_shown = volumes > 0
    if is_shown.sum() < max(LEAST_FRAMES, _LEAST_SHARE * len(volumes)):
        return None
    angles_T1 = 2 * np.pi * np.arange(len(volumes))[:, None] / len(volumes)
    waves = angles_T1 * np.arange(1, HARMONICS + 1)
    terms = np.concatenate([np.ones_like(angles_T1), np.cos(waves), np.sin(waves)], axis=1)
    fit: NDArray[np.float64] = terms @ np.linalg.lstsq(terms[is_shown], volumes[is_shown], rcond=None)[0]
    return np.maximum(fit, 0.0)


def pumping(volumes_T: ArrayLike, stated: tuple[int, int] | None = None) -> Pumping:
    """Find end-diastole and end-systole in the volumes of one beat.

    Stated frames keep their measured volumes. Without them, frames and volumes are those of the smoothed curve; where
    there are too few frames for it, the largest and the smallest volume above 0, the first of equals.

    Args:
        volumes_T: volumes of one beat, shape (T,), at least one of them above 0.
        stated: frames of end-diastole and end-systole, from 0.

    Raises:
        ValueError: no frame has the cavity.

    Example:
        >>> pumping([50.0, 60.0, 20.0, 0.0, 30.0])
        Pumping(edv_ml=60.0, esv_ml=20.0, ed_frame=1, es_frame=2, ef_from='largest and smallest frame')
    """
    volumes = np.asarray(volumes_T, dtype=np.float64)
    if stated is not None:
        ed, es = stated
        return Pumping(float(volumes[ed]), float(volumes[es]), ed, es, STATED)
    if not (volumes > 0).any():
        raise ValueError("no frame has the cavity")
    curve = smoothed(volumes)
    line = volumes if curve is None else curve
    ed, es = int(line.argmax()), int(np.where(volumes > 0, line, np.inf).argmin())
    return Pumping(float(line[ed]), float(line[es]), ed, es, EXTREMES if curve is None else SMOOTHED)
