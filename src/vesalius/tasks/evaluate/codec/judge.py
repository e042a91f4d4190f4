"""A judge: a segmenter that took part in no loss and looks at the ED and ES frames of original and restored scans.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError, VesaliusError
from vesalius.metrics.cardiac import Pumping, voxel_mm3
from vesalius.metrics.doubts import pieces
from vesalius.metrics.overlap import dice
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.judge_frames import Classes, ends, read_masks
from vesalius.tasks.evaluate.codec.results import JudgedStudy, Judgement
from vesalius.tasks.evaluate.codec.studies import Study
from vesalius.tasks.segment.labels import LabelValues
from vesalius.tasks.segment.measure import Finds
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.weights.place import locate
from vesalius.weights.saved import digest_of

_MM3_PER_ML = 1000
_PHASES = ("ED", "ES")


class Judge:
    """A segmenter with a name.

    Args:
        name: as reports tell it.
        segmenter: finds the classes.
        image: the name of the image that it takes.
        digest: of its weights.
        key: all that its masks depend on.
    """

    def __init__(self, name: str, segmenter: Finds, image: str, digest: str, key: Mapping[str, Any]) -> None:
        self.name, self.segmenter, self.image, self.digest = name, segmenter, image, digest
        self.key = dict(key)
        settings = segmenter.settings
        numbers = {name: number for number, name in enumerate(settings.labels, start=1)}
        members = dict(settings.regions) or {name: (name,) for name in settings.labels}
        self.classes = {name: tuple(numbers[one] for one in own) for name, own in members.items()}
        known = {name: (number,) for name, number in numbers.items()} | self.classes
        self.cavity: tuple[int, ...] = () if settings.cavity is None else known[settings.cavity]
        self.values = LabelValues(settings.labels, settings.ignored)

    @classmethod
    def load(cls, name: str | Path) -> Judge:
        """A model folder, a run folder or a name of the zoo.

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
        shown = Path(name).resolve().name if Path(name).is_dir() else str(name)
        return cls(shown, segmenter, images[0], digest, key)

    def trial(self, study: Study, scan: Scan) -> tuple[JudgedScan | None, str]:
        """The judge at work on one study, and a note: why there is none, or what it has to do without."""
        note, masks = "", {}
        try:
            masks = read_masks(study, scan, self.values.classes)
        except VesaliusError as error:
            note = f"the judge does without masks: {error.what}"
        try:
            if scan.shape[0] != 1:
                raise InputError(f"the scan has {scan.shape[0]} channels")
            ed, es, source = ends(study, scan, masks, self.cavity, lambda t: self.segment(scan, t))
            own = {"ED": self.segment(scan, ed), "ES": self.segment(scan, es)}
            if own["ED"].shape != scan.shape[2:]:
                raise InputError("its maps lie on another grid than the scan")
        except VesaliusError as error:
            return None, f"not judged: {error.what}"
        frames = {"ED": ed, "ES": es}
        drawn = {phase: masks[t] for phase, t in frames.items() if t in masks}
        trial = JudgedScan(self, scan, frames, drawn, own)
        pumped = trial.pumped(drawn) if len(drawn) == 2 else (None, None, None)
        facts = JudgedStudy(
            ed=ed,
            es=es,
            frames_from=source,
            classes=tuple(self.classes),
            original=trial.measured(own),
            masks_edv_ml=pumped[0],
            masks_esv_ml=pumped[1],
            masks_ef_percent=pumped[2],
        )
        return replace(trial, facts=facts), note

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
        drawn: "ED" / "ES" -> reference mask, where there is one.
        own: "ED" and "ES" -> the judge's classes of the original.
        facts: what it found in the original.
    """

    by: Judge
    scan: Scan
    frames: Mapping[str, int]
    drawn: Mapping[str, Classes]
    own: Mapping[str, Classes]
    facts: JudgedStudy | None = None

    @property
    def study(self) -> JudgedStudy:
        """What was found in the original."""
        assert self.facts is not None
        return self.facts

    def judge(self, stored_CTIJK: NDArray[Any]) -> Judgement:
        """What the judge finds in a restored scan, given as stored values."""
        restored = replace(self.scan, pixels=ArrayPixels(stored_CTIJK), native=None)
        return self.measured({phase: self.by.segment(restored, t) for phase, t in self.frames.items()})

    def measured(self, found: Mapping[str, Classes]) -> Judgement:
        """Overlaps and volumes of masks of both frames."""
        edv_ml, esv_ml, ef_percent = self.pumped(found)
        return Judgement(
            dice=self._overlaps(found, self.drawn, needed=True),
            agreement=self._overlaps(found, self.own, needed=False),
            edv_ml=edv_ml,
            esv_ml=esv_ml,
            ef_percent=ef_percent,
            in_pieces=tuple(name for name in _PHASES if self.by.cavity and self._pieces(found[name]) > 1),
        )

    def _pieces(self, classes: Classes) -> int:
        return pieces(np.isin(classes, self.by.cavity))

    def pumped(self, masks: Mapping[str, Classes]) -> tuple[float | None, float | None, float | None]:
        """EDV and ESV in mL and EF in percent; None for what cannot be known."""
        if not self.by.cavity:
            return None, None, None
        ed, es = (float(np.isin(masks[phase], self.by.cavity).sum()) for phase in _PHASES)
        ef_percent = Pumping(ed, es).ef_percent if ed and es else None
        if self.scan.grid_problem is not None:
            return None, None, ef_percent
        ml = voxel_mm3(self.scan.affine) / _MM3_PER_ML
        return ed * ml, es * ml, ef_percent

    def _overlaps(
        self, found: Mapping[str, Classes], reference: Mapping[str, Classes], *, needed: bool
    ) -> dict[str, dict[str, float]]:
        """Class -> frame -> Dice; under `needed` a class that the reference does not hold in a frame is left out."""
        overlaps: dict[str, dict[str, float]] = {}
        for name, numbers in self.by.classes.items():
            for phase, mask in reference.items():
                one, other = np.isin(found[phase], numbers) & (mask >= 0), np.isin(mask, numbers)
                value = math.nan if needed and not other.any() else dice(one, other, (1,))[1]
                if not math.isnan(value):
                    overlaps.setdefault(name, {})[phase] = value
        return overlaps
