"""What a heart pumps by a model's label map, and what about it is implausible.

Letters: T time, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.ends import Ends
from vesalius.metrics.cardiac import EDV_ML, EXTREMES, LEAST_FRAMES, Pumping, pumping, volumes_ml
from vesalius.metrics.masks import pieces

_VENTRICLES = frozenset({"lv", "rv"})


@dataclass(frozen=True)
class Function:
    """Volumes of a scan, of a cine those at end-diastole and end-systole.

    Args:
        numbers: name with unit -> number; frames are whole numbers from 0.
        pumping: EDV, ESV and EF; None where there is one frame, or no cavity.
        warnings: what is implausible, or makes the numbers less reliable than they look.
    """

    numbers: dict[str, float]
    pumping: Pumping | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """The numbers, and how ED and ES are known."""
        return self.numbers | ({} if self.pumping is None else {"ef_from": self.pumping.ef_from})


def function_of(
    labels_TIJK: NDArray[Any], values: Mapping[str, int], cavity: str, voxel_ml: float, ends: Ends | None = None
) -> Function:
    """Measure a label map.

    Args:
        labels_TIJK: the map of all frames.
        values: class -> its value in the map.
        cavity: class whose volume gives the ejection fraction.
        voxel_ml: volume of a voxel.
        ends: frames of end-diastole and end-systole, where they are stated.
    """
    volumes_T = volumes_ml(labels_TIJK, (values[cavity],), voxel_ml)
    frames = len(labels_TIJK)
    warnings = _missing(volumes_T, cavity)
    if frames == 1:
        if volumes_T[0] > EDV_ML[1]:
            warnings.append(f"implausible: {cavity} above {EDV_ML[1]:.0f} mL ({volumes_T[0]:.0f} mL)")
        volumes = {
            f"{name} mL": float(volumes_ml(labels_TIJK, (label,), voxel_ml)[0]) for name, label in values.items()
        }
        return Function(volumes, None, warnings + _pieces(labels_TIJK, values, cavity, {"": 0}))
    stated = None
    if ends is not None and max(ends.frames) >= frames:
        warnings.append(f"{ends.stated_by} names frame {max(ends.frames)} (from 0) of {frames}: it was not used")
    elif ends is not None:
        stated = ends.frames
    if not volumes_T.any() or (stated is not None and not volumes_T[stated[0]]):
        if volumes_T.any():
            warnings.append(f"no {cavity} at the stated end-diastole, so no EF")
        return Function({}, None, warnings)
    heart = pumping(volumes_T, stated)
    ed, es = heart.ed_frame or 0, heart.es_frame or 0
    if heart.ef_from == EXTREMES:
        why = f"{frames} frames" if frames < LEAST_FRAMES else "frames without it"
        warnings.append(f"too few frames for a smoothed curve ({why}): noise makes EF too large")
    warnings += [f"implausible: {kind} ({value})" for kind, value in heart.doubts.items()]
    warnings += _pieces(labels_TIJK, values, cavity, {" at ED": ed, " at ES": es})
    numbers = {"EDV mL": heart.edv_ml, "ESV mL": heart.esv_ml, "ED frame": ed, "ES frame": es, "EF %": heart.ef_percent}
    return Function(numbers, heart, warnings)


def _missing(volumes_T: NDArray[np.floating], cavity: str) -> list[str]:
    """Frames in which the cavity was not found."""
    without = int((volumes_T == 0).sum())
    if not without:
        return []
    return [
        f"no {cavity} was found" + ("" if without == len(volumes_T) else f" in {without} of {len(volumes_T)} frames")
    ]


def _pieces(labels_TIJK: NDArray[Any], values: Mapping[str, int], cavity: str, moments: Mapping[str, int]) -> list[str]:
    ventricles = [name for name in values if name == cavity or name.casefold() in _VENTRICLES]
    counts = {
        f"implausible: {name} in {{}} pieces{words}": pieces(labels_TIJK[t] == values[name])
        for name in ventricles
        for words, t in moments.items()
    }
    return [words.format(count) for words, count in counts.items() if count > 1]
