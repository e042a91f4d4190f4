"""A judge: a segmenter that took part in no loss and looks at the ED and ES frames of original and restored scans.

Letters: C channel, T time, I J K voxel axes. Classes are numbers of the judge: 0 is the background.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.ends import ED, ES
from vesalius.errors import InputError, VesaliusError
from vesalius.metrics.cardiac import Pumping, pumping, volumes_ml, voxel_ml
from vesalius.metrics.masks import pieces
from vesalius.metrics.overlap import dice
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.results import FramesFrom, JudgedStudy, Judgement
from vesalius.tasks.evaluate.codec.studies import Study, read_mask
from vesalius.tasks.label_values import LabelValues
from vesalius.tasks.segment.outcome import Finds
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.weights.card import read_card
from vesalius.weights.place import locate
from vesalius.weights.saved import digest_of

Classes = NDArray[np.integer]
_PHASES = (ED, ES)


@dataclass(frozen=True, eq=False)
class Judge:
    """A segmenter with a name.

    Args:
        name: display name.
        segmenter: finds the classes.
        image: the name of the image that it takes.
        digest: of its weights.
        key: all that its masks depend on.
        caveats: what its card says about where it fails.
    """

    name: str
    segmenter: Finds
    image: str
    digest: str
    key: Mapping[str, Any]
    caveats: tuple[str, ...] = ()

    @property
    def cavity(self) -> tuple[int, ...]:
        """Numbers of the cavity; empty where the judge names none."""
        settings = self.segmenter.settings
        if settings.cavity is None:
            return ()
        numbers = {name: (number,) for number, name in enumerate(settings.labels, start=1)}
        return (numbers | settings.measured_classes)[settings.cavity]

    @classmethod
    def load(cls, name: str | Path) -> Judge:
        """Load a model folder, a run folder or a model of the zoo.

        Raises:
            InputError: no such model, one for another job, or one that takes several images.
            CorruptFileError: it is damaged.
        """
        folder = locate(name)
        segmenter = Segmenter.from_pretrained(folder)
        images = segmenter.contract.images
        if len(images) != 1:
            raise InputError(f"takes {len(images)} images, a judge takes one", where=folder, fix="name another model")
        digest = digest_of(folder)
        key = {
            "weights": digest,
            "settings": segmenter.settings.model_dump(mode="json"),
            "contract": segmenter.contract.model_dump(mode="json"),
        }
        display_name = Path(name).resolve().name if Path(name).is_dir() else str(name)
        return cls(display_name, segmenter, images[0], digest, key, tuple(read_card(folder).caveats))

    def trial(self, study: Study, scan: Scan) -> tuple[JudgedScan | None, str]:
        """The judge at work on one study; with a note why that is not possible, or what is missing."""
        note, masks = "", {}
        settings = self.segmenter.settings
        try:
            masks = read_masks(study, scan, LabelValues(settings.labels, settings.ignored).classes)
        except VesaliusError as error:
            note = f"the judge does without masks: {error.what}"
        try:
            if scan.shape[0] != 1:
                raise InputError(f"the scan has {scan.shape[0]} channels")
            ed, es, source = ends(study, scan, masks, self.cavity, lambda t: self.segment(scan, t))
            frames = {ED: ed, ES: es}
            original = {phase: self.segment(scan, t) for phase, t in frames.items()}
            if original[ED].shape != scan.shape[2:]:
                raise InputError("its maps lie on another grid than the scan")
        except VesaliusError as error:
            return None, f"not judged: {error.what}"
        drawn = {phase: masks[t] for phase, t in frames.items() if t in masks}
        return JudgedScan(self, scan, frames, source, drawn, original), note

    def segment(self, scan: Scan, t: int) -> Classes:
        """Class numbers of one frame, (I, J, K)."""
        return self.segmenter.classes({self.image: scan}, t)


@dataclass(frozen=True, eq=False)
class JudgedScan:
    """A study that is judged.

    Args:
        by: the judge.
        scan: the original.
        frames: "ED" and "ES" -> frame, from 0.
        frames_from: how the two are known.
        drawn: "ED" / "ES" -> reference mask, where there is one.
        original: "ED" and "ES" -> the judge's classes of the original.
    """

    by: Judge
    scan: Scan
    frames: Mapping[str, int]
    frames_from: FramesFrom
    drawn: Mapping[str, Classes]
    original: Mapping[str, Classes]

    @cached_property
    def study(self) -> JudgedStudy:
        """What the judge found in the original, and readers drew."""
        edv_ml, esv_ml, ef_percent = self._pumped(self.drawn) if len(self.drawn) == 2 else (None, None, None)
        return JudgedStudy(
            ed=self.frames[ED],
            es=self.frames[ES],
            frames_from=self.frames_from,
            classes=tuple(self.by.segmenter.settings.measured_classes),
            original=self._measured(self.original),
            masks_edv_ml=edv_ml,
            masks_esv_ml=esv_ml,
            masks_ef_percent=ef_percent,
        )

    def judge(self, stored_CTIJK: NDArray[Any]) -> Judgement:
        """Judge a restored scan, given as stored values."""
        restored = replace(self.scan, pixels=ArrayPixels(stored_CTIJK), native=None)
        return self._measured({phase: self.by.segment(restored, t) for phase, t in self.frames.items()})

    def _measured(self, masks: Mapping[str, Classes]) -> Judgement:
        edv_ml, esv_ml, ef_percent = self._pumped(masks)
        return Judgement(
            dice=self._overlaps(masks, self.drawn, needed=True),
            agreement=self._overlaps(masks, self.original, needed=False),
            edv_ml=edv_ml,
            esv_ml=esv_ml,
            ef_percent=ef_percent,
            in_pieces=tuple(
                phase for phase in _PHASES if self.by.cavity and pieces(np.isin(masks[phase], self.by.cavity)) > 1
            ),
        )

    def _pumped(self, masks: Mapping[str, Classes]) -> tuple[float | None, float | None, float | None]:
        """EDV and ESV in mL and EF in percent; None where unknown."""
        if not self.by.cavity:
            return None, None, None
        ed, es = volumes_ml(np.stack([masks[phase] for phase in _PHASES]), self.by.cavity, 1.0).tolist()
        ef_percent = Pumping(ed, es).ef_percent if ed and es else None
        if self.scan.grid_problem is not None:
            return None, None, ef_percent
        ml = voxel_ml(self.scan.affine)
        return ed * ml, es * ml, ef_percent

    def _overlaps(
        self, masks: Mapping[str, Classes], reference: Mapping[str, Classes], *, needed: bool
    ) -> dict[str, dict[str, float]]:
        """Class -> frame -> Dice; under `needed` without the classes that the reference does not hold in a frame."""
        overlaps: dict[str, dict[str, float]] = {}
        for name, members in self.by.segmenter.settings.measured_classes.items():
            for phase, truth in reference.items():
                found_IJK, truth_IJK = np.isin(masks[phase], members) & (truth >= 0), np.isin(truth, members)
                value = math.nan if needed and not truth_IJK.any() else dice(found_IJK, truth_IJK, (1,))[1]
                if not math.isnan(value):
                    overlaps.setdefault(name, {})[phase] = value
        return overlaps


def read_masks(study: Study, scan: Scan, classes: Callable[[NDArray[np.int16], str], Classes]) -> dict[int, Classes]:
    """The reference masks by frame, from 0; empty without any.

    Args:
        study: the study.
        scan: its scan.
        classes: class numbers of the values of a mask; its second argument names the mask in errors.

    Raises:
        InputError: a mask cannot be read, lies on another grid or holds a value that the judge does not know.
    """
    masks: dict[int, Classes] = {}
    for frame, path in study.masks_by_frame.items():
        labels_IJK = read_mask(path)
        if labels_IJK.shape != scan.shape[2:]:
            raise InputError("the masks lie on another grid")
        masks[frame] = classes(labels_IJK.astype(np.int16), "the masks")
    return masks


def ends(
    study: Study,
    scan: Scan,
    masks: Mapping[int, Classes],
    cavity: Sequence[int],
    segment: Callable[[int], Classes],
) -> tuple[int, int, FramesFrom]:
    """Frames of end-diastole and end-systole, from 0, and how they are known.

    Info.cfg or a manifest states them; else they are the ends of the volume curve of the reference masks, else of the
    judge's masks: smoothed where there are enough frames, as the extremes of noisy volumes lie too far apart
    (`metrics.cardiac`). `cavity` holds the numbers of the cavity, none where the judge has none; `segment` gives the
    judge's classes of a frame of the original.

    Raises:
        InputError: T is not known to be time, there is no such frame, or a frame without a cavity.
    """
    frames = scan.shape[1]
    if study.ends is not None:
        if max(study.ends.frames) >= frames:
            raise InputError(f"{study.ends.stated_by} names a frame beyond the {frames} of the scan")
        return study.ends.ed, study.ends.es, study.ends.stated_by
    if not cavity:
        raise InputError("no ED and ES frames are named, and the judge names no cavity to find them by")
    drawn = [t for t, mask in masks.items() if t < frames and np.isin(mask, cavity).any()]
    source: FramesFrom = "masks" if len(drawn) > 1 else "judge"
    if source == "judge" and (frames < 2 or scan.t_meaning != "time"):
        raise InputError("T is not known to be time, and no ED and ES frames are named")
    counts_T = np.zeros(frames)
    for t in drawn if source == "masks" else range(frames):
        counts_T[t] = np.isin(masks[t] if source == "masks" else segment(t), cavity).sum()
    if source == "judge" and not counts_T.all():
        what = f"the judge finds no cavity in frame {int(counts_T.argmin())}"
        raise InputError(what, fix="check the label of the cavity, or the scan")
    beat = pumping(counts_T)
    return beat.ed_frame or 0, beat.es_frame or 0, source
