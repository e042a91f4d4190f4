"""A detection model on new scans: `vesalius predict`, a folder for each study.

summary.json          probabilities, decisions, suspicious slices, warnings, seconds, peak memory
slice_probs.npy       [L, C] for each slice that was looked at; slice_indices.npy: their numbers from 0, from below
                      upwards where the plane is axial
heat_map.npy/.png     of the most suspicious slice, on its pixels [J, I] (rows, columns; radiological where axial);
                      heat_patches.npy: the same patch by patch [H, W]
similarity_map.npy/.png   cosine of each patch of that slice with the hottest one [H, W]

Letters: L slices, C classes, J rows, I columns, H W patches down and across.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.ends import Ends
from vesalius.errors import InputError
from vesalius.output import new_folder
from vesalius.report.page import Section
from vesalius.report.profile import profile
from vesalius.scan.scan import Scan
from vesalius.tasks.classify.page import HEAT, PROFILE, SIMILARITY, sections_of, told_of
from vesalius.tasks.detect.detector import Detector, Findings
from vesalius.tasks.detect.plausible import check_head_ct, shifted
from vesalius.tasks.encode.encoder import similarity
from vesalius.tasks.encode.sheet import Sheet, peak
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.predictor import Plausibility, Predicted, PredictOptions, Predictor
from vesalius.training.estimate import peak_mib
from vesalius.transforms.view import View, view_of

TOP_K = 5
BRAIN_HU = (0.0, 80.0)
"""Center 40, width 80."""
_AXES = "ijk"


class DetectPredictor(Predictor):
    """Writes a folder for each study; its measures are what `summary.json` says."""

    task = "detect"
    knows = frozenset({"top_k", "intercept_hu", "resample", "heat_map"})

    def __init__(self, model: Path, device: str, options: PredictOptions | None = None) -> None:
        super().__init__(model, device, options)
        self.detector = Detector.from_pretrained(model, device)
        self.images: Sequence[str] = self.detector.settings.images
        self._map = self.options.heat_map or "logit"
        if self._map == "rollout":
            self.detector.check_attention()

    def digest(self) -> str:
        return self.detector.digest()

    def target_of(self, name: str) -> str:
        return name

    def __call__(self, scans: Mapping[str, Scan], target: Path, ends: Ends | None = None) -> Predicted:  # noqa: ARG002
        started = time.perf_counter()
        ordered, facts = self._asked(scans)
        slices = Slices.of(ordered, self.detector.encoder.contract.prepare)
        found = self.detector(slices)
        c = self.detector.leading(found.study_C)
        names, settings = self.detector.settings.classes, self.detector.settings
        most = np.argsort(-found.slices_LC[:, c], kind="stable")[: self.options.top_k or TOP_K]
        number = int(found.numbers[most[0]])
        patches_HWD = self.detector.encoder.patches(slices, number)
        rolled = self._map == "rollout"
        heat_HW = self.detector.rollout(slices, number) if rolled else self.detector.patch_logits(patches_HWD, c)
        floor = None if rolled else float(self.detector.threshold_logits()[c])
        at = peak(heat_HW)
        similar_HW = similarity(patches_HWD, at)
        sheet = Sheet.of(ordered[0], slices, number, BRAIN_HU if settings.check == "head-ct" else None)
        heat_name = "attention rollout x 1000" if rolled else f"logit of {names[c]}, from the threshold on"
        pictures = {
            HEAT: sheet.picture(heat_HW, heat_name, at, floor),
            SIMILARITY: sheet.picture(similar_HW, "cosine similarity", at),
            PROFILE: profile({name: found.slices_LC[:, n] for n, name in enumerate(names)}, found.numbers),
        }
        facts = {
            "classes": self._decided(found),
            "leading": names[c],
            "limits": list(self.card.caveats),
            "top_slices": [self._slice(found, row, self._own_view(ordered[0], slices)) for row in most.tolist()],
            **facts,
            "heat_map": {
                "shows": self._map,
                "class": None if rolled else names[c],
                "slice": number,
                "window": list(sheet.window),
                "threshold": floor,
                "highest": float(heat_HW.max()),
                "hottest_patch": list(at),
                "covered": [round(edge, 3) for edge in sheet.covered],
            },
            "shape": list(ordered[0].shape[2:]),
            "slices": len(slices),
            "slices_looked_at": len(found.numbers),
            "seconds": round(time.perf_counter() - started, 3),
            "peak_mib": round(peak_mib(self.device == "cuda"), 1),
            "device": self.device,
            "precision": self.detector.encoder.precision,
        }
        arrays: dict[str, NDArray[Any]] = {
            "slice_probs": found.slices_LC.astype(np.float32),
            "slice_indices": found.numbers,
            "heat_map": sheet.on_pixels(heat_HW),
            "heat_patches": heat_HW,
            "similarity_map": similar_HW,
        }
        _write(target, facts, arrays, {"heat_map": pictures[HEAT], "similarity_map": pictures[SIMILARITY]})
        return Predicted(facts, pictures)

    def told(self, measures: Mapping[str, Any]) -> str:
        return told_of(measures)

    def sections(
        self, results: Mapping[str, dict[str, Any]], pictures: Mapping[str, Mapping[str, str]]
    ) -> list[Section]:
        return sections_of(results, pictures, self.detector.settings.classes, self.detector.calibration, self.card.data)

    def _asked(self, scans: Mapping[str, Scan]) -> tuple[list[Scan], dict[str, Any]]:
        """The images in their order as the options want them, and what the check says of them.

        Raises:
            VesaliusError: a scan fails the check, or an image is missing.
        """
        missing = [name for name in self.images if name not in scans]
        if missing:
            raise InputError(f"the model needs {', '.join(self.images)}", where=missing[0], fix="name all images")
        options, warnings, plausible = self.options, [], Plausibility()
        placed = self.placed({name: scans[name] for name in self.images})
        ordered = list(placed.values())
        if options.intercept_hu is not None:
            ordered = [shifted(scan, options.intercept_hu) for scan in ordered]
            warnings.append(f"{options.intercept_hu:g} was added to every value, as was asked for")
        if self.detector.settings.check == "head-ct":
            for scan in ordered:
                plausible = check_head_ct(scan)
                warnings += plausible.warnings
        problems = [problem for scan in ordered for problem in scan.problems]
        shown = replace(plausible, warnings=tuple(warnings))
        return ordered, shown.facts(self.detector.settings.check, *problems)

    def _decided(self, found: Findings) -> dict[str, dict[str, Any]]:
        """Class -> probability, threshold and what follows; no decision where there is no threshold."""
        told = {}
        for name, p, threshold in zip(
            self.detector.settings.classes, found.study_C.tolist(), self.detector.calibration.thresholds, strict=True
        ):
            decided = None if threshold is None else p >= threshold
            told[name] = {"probability": p, "threshold": threshold, "positive": decided}
        return told

    def _slice(self, found: Findings, row: int, view: View | None) -> dict[str, Any]:
        """A slice: its number, where it lies in the file, and what the head says of it alone."""
        number = int(found.numbers[row])
        told: dict[str, Any] = {"slice": number}
        if view is not None:
            index = number if view.steps[2] > 0 else view.count - 1 - number
            told |= {"file_axis": _AXES[view.axes[2]], "file_index": index}
        names = self.detector.settings.classes
        return told | {"probabilities": dict(zip(names, found.slices_LC[row].tolist(), strict=True))}

    def _own_view(self, scan: Scan, slices: Slices) -> View | None:
        """How the slices lie in the file; None where a new grid was made."""
        prepare = slices.prepare
        if self.options.resample or prepare.resample or prepare.spacing_mm is not None or prepare.orient is not None:
            return None
        return view_of(scan, prepare.plane, prepare.display)


def _write(
    target: Path, facts: dict[str, Any], arrays: Mapping[str, NDArray[Any]], pictures: Mapping[str, bytes]
) -> None:
    with new_folder(target, force=True) as folder:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array))
        for name, png in pictures.items():
            (folder / f"{name}.png").write_bytes(png)
        text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
