"""A classifier of slices on new scans: `vesalius predict`, a folder for each scan.

summary.json          probabilities, decisions, suspicious slices, warnings, seconds, peak memory
slice_probs.npy       [L, C] for each slice used; slice_indices.npy: their numbers from 0, from below upwards where the
                      plane is axial
heat_map.npy/.png     of the most suspicious slice, on its pixels [J, I] (rows, columns; radiological where axial);
                      heat_patches.npy: the same patch by patch [H, W]; `--heat-map` chooses what it shows
similarity_map.npy/.png   cosine of each patch of that slice with the hottest one [H, W]

Letters: L slices, C classes, D width, J rows, I columns, H W patches down and across.
"""

from __future__ import annotations

import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vesalius.cohort.ends import Ends
from vesalius.output import new_folder
from vesalius.report.chart import profile
from vesalius.report.page import Section, Viewer
from vesalius.report.verdict import Verdict
from vesalius.scan.scan import Scan
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.page import HEAT, PROFILE, SIMILARITY, heat_words, sections_of, summary_line, verdict_of
from vesalius.tasks.encode.encoder import BATCH, Encoder, similarity
from vesalius.tasks.encode.look import look_through
from vesalius.tasks.encode.sheet import Sheet, peak
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.tasks.predict_options import ClassifyOptions
from vesalius.tasks.predictor import Plausibility, Predicted, Predictor
from vesalius.training.estimate import peak_mib
from vesalius.transforms.view import View, view_of

_AXES = "ijk"


@dataclass(frozen=True, eq=False)
class Findings:
    """What a model says of a scan.

    Args:
        numbers: of the slices used, rising.
        whole_C: calibrated probabilities of the scan.
        slices_LC: probabilities of each slice alone, with the same temperatures. Where the calibration is one of
            studies, these rank slices and are no calibrated risks.
    """

    numbers: NDArray[np.int64]
    whole_C: NDArray[np.float64]
    slices_LC: NDArray[np.float64]


class SliceClassifier(ABC):
    """A frozen encoder and a head, with the calibration that they ship with.

    Args:
        encoder: gives a vector for each slice and each place in it.
        calibration: chosen on validation cases.
        images: names of the images that become the channels.
        head_facts: digests and settings of the head, for `digest`.
        choice: which slices are used.
    """

    def __init__(
        self,
        encoder: Encoder,
        calibration: Calibration,
        images: Sequence[str],
        head_facts: Sequence[str],
        choice: SliceConfig | None = None,
    ) -> None:
        self.encoder, self.calibration, self.images = encoder, calibration, tuple(images)
        self._facts, self._choice = tuple(head_facts), choice or SliceConfig()

    @abstractmethod
    def logits(self, rows_LD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (C,) of the scan that has these vectors, and (L, C) of each vector alone."""

    @abstractmethod
    def place_logits(self, rows_ND: torch.Tensor) -> torch.Tensor:
        """Return logits (N, C) of scans that are one vector each."""

    def digest(self) -> str:
        """64 hexadecimal digits for head, encoder, preparation, settings and calibration."""
        encoder = (self.encoder.digest(), self.encoder.contract.prepare.digest())
        facts = (*self._facts, *encoder, self.calibration.model_dump_json())
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    @torch.no_grad()
    def __call__(self, slices: Slices, batch: int = BATCH) -> Findings:
        """Return the probabilities of a scan and of its slices.

        Raises:
            UsageError: there is no slice, or the preparation does not fit.
        """
        numbers = self._choice.chosen(slices)
        rows_LD = torch.from_numpy(self.encoder.embed(slices, numbers, batch)).to(self.encoder.device)
        whole_C, slices_LC = (logits.double().cpu().numpy() for logits in self.logits(rows_LD))
        point = self.calibration.point
        return Findings(numbers, point.probabilities(whole_C[None])[0], point.probabilities(slices_LC))

    def grad_cam(self, slices: Slices, number: int, c: int) -> NDArray[np.float32]:
        """Grad-CAM (H, W) of a class in one slice, as if the scan were this slice: shares of the calibrated logit."""
        return self.encoder.grad_cam(slices, number, self.place_logits, c) / np.float32(
            self.calibration.temperatures[c]
        )

    @torch.no_grad()
    def patch_logits(self, patches_HWD: NDArray[np.float32], c: int) -> NDArray[np.float32]:
        """Logit (H, W) of a class for each patch, as if the scan were this one vector.

        The head was trained on vectors of whole slices, and a patch is none: the map shows where, its values are no
        risks.
        """
        height, width, _ = patches_HWD.shape
        rows_ND = torch.from_numpy(patches_HWD).to(self.encoder.device).flatten(0, 1)
        logits_NC = self.place_logits(rows_ND).double().cpu().numpy()
        return self.calibration.point.log_odds(logits_NC)[:, c].reshape(height, width).astype(np.float32)


class ClassifyPredictor(Predictor):
    """Writes a folder for each scan; its measures are what `summary.json` says. Subclasses set `model`."""

    Options = ClassifyOptions
    options: ClassifyOptions
    unit: str = "studies"
    """What the calibration was chosen on: "studies", "slices" or "pictures"."""
    check: str = "none"
    """Plausibility check, for the summary."""
    window_hu: tuple[float, float] | None = None
    """How slices are shown; None: through the window of the model, or in the default range of the scan."""
    model: SliceClassifier

    def digest(self) -> str:
        return self.model.digest()

    def check_heat_map(self) -> None:
        """Raise UsageError where the encoder cannot give the requested heat map."""
        if self.options.heat_map == "rollout":
            self.model.encoder.check_attention()
        elif self.options.heat_map == "grad-cam":
            self.model.encoder.check_pyramid()

    def target_of(self, name: str) -> str:
        return name

    def checked(self, scans: list[Scan]) -> tuple[list[Scan], Plausibility]:
        """Return the scans as the model takes them, and what the plausibility check says of them.

        Raises:
            VesaliusError: a scan fails the check.
        """
        return scans, Plausibility()

    def __call__(self, scans: Mapping[str, Scan], target: Path, ends: Ends | None = None) -> Predicted:  # noqa: ARG002
        started = time.perf_counter()
        contract = self.model.encoder.contract.model_copy(update={"images": self.model.images})
        ordered, plausible = self.checked(contract.ordered(self.placed(scans)))
        slices = Slices.of(ordered, contract.prepare)
        found = self.model(slices, self.options.batch)
        names, calibration = self.model.calibration.classes, self.model.calibration
        c = calibration.leading(found.whole_C)
        most = np.argsort(-found.slices_LC[:, c], kind="stable")[: self.options.top_k]
        number = int(found.numbers[most[0]])
        patches_HWD = self.model.encoder.patches(slices, number)
        heat_HW = self._heat(slices, number, patches_HWD, c)
        threshold = float(calibration.threshold_logits()[c]) if self.options.heat_map == "logit" else None
        at = peak(heat_HW)
        similar_HW = similarity(patches_HWD, at)
        sheet = Sheet.of(ordered[0], slices, number, self.window_hu)
        pictures = {
            HEAT: self._drawn(sheet, heat_HW, names[c], at, threshold),
            SIMILARITY: sheet.picture(similar_HW, "cosine similarity", at),
        }
        if len(slices) > 1:
            pictures[PROFILE] = profile({name: found.slices_LC[:, n] for n, name in enumerate(names)}, found.numbers)
        view = self._view(ordered[0], slices)
        problems = [problem for scan in ordered for problem in scan.problems]
        facts = {
            "classes": calibration.decisions(found.whole_C),
            "leading": names[c],
            **({"class": names[c]} if calibration.activation == "softmax" else {}),
            "limits": list(self.card.caveats),
            "top_slices": [_slice_facts(found, row, names, view) for row in most.tolist()],
            **plausible.facts(self.check, *problems),
            "heat_map": {
                "shows": self.options.heat_map,
                "class": None if self.options.heat_map == "rollout" else names[c],
                "slice": number,
                "window": list(sheet.window),
                "threshold": threshold,
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
            "precision": self.model.encoder.precision,
        }
        arrays: dict[str, NDArray[Any]] = {
            "slice_probs": found.slices_LC.astype(np.float32),
            "slice_indices": found.numbers,
            "heat_map": sheet.on_pixels(heat_HW),
            "heat_patches": heat_HW,
            "similarity_map": similar_HW,
        }
        _write(target, facts, arrays, {"heat_map": pictures[HEAT], "similarity_map": pictures[SIMILARITY]})
        others = [int(found.numbers[row]) for row in most[1:]]
        maps = {n: self._heat(slices, n, self.model.encoder.patches(slices, n), c) for n in others}
        seen = look_through(
            ordered[0],
            slices,
            {number: heat_HW, **maps},
            start=number,
            still=f"{HEAT}.png",
            name=heat_words(facts["heat_map"]),
            floor=threshold,
            window_hu=self.window_hu,
            words={int(n): f"{names[c]} {p:.2f}" for n, p in zip(found.numbers, found.slices_LC[:, c], strict=True)},
        )
        return Predicted(facts, pictures, viewer=seen)

    def summary(self, measures: Mapping[str, Any]) -> str:
        return summary_line(measures, self.unit)

    def verdict(self, results: Mapping[str, dict[str, Any]]) -> Verdict:
        return verdict_of(results, self.unit)

    def sections(
        self,
        results: Mapping[str, dict[str, Any]],
        pictures: Mapping[str, Mapping[str, str]],
        viewers: Mapping[str, Viewer],
    ) -> list[Section]:
        return sections_of(results, pictures, viewers, self.model.calibration, self.unit, self.card.data)

    def _heat(self, slices: Slices, number: int, patches_HWD: NDArray[np.float32], c: int) -> NDArray[np.float32]:
        """Return the heat map (H, W) of a slice for a class."""
        if self.options.heat_map == "rollout":
            return self.model.encoder.rollout(slices, number)
        if self.options.heat_map == "logit":
            return self.model.patch_logits(patches_HWD, c)
        return self.model.grad_cam(slices, number, c)

    def _drawn(
        self, sheet: Sheet, heat_HW: NDArray[np.float32], name: str, at: tuple[int, int], threshold: float | None
    ) -> bytes:
        if self.options.heat_map == "rollout":
            return sheet.picture(heat_HW, "attention rollout x 1000", at)
        if self.options.heat_map == "logit":
            return sheet.picture(heat_HW, f"logit of {name}, from the threshold on", at, threshold)
        floor = None if heat_HW.any() else 1.0  # nothing is drawn of a map that is 0 everywhere
        return sheet.picture(
            heat_HW, f"Grad-CAM of {name}: share of the logit", at, floor, f"no place speaks for {name}"
        )

    def _view(self, scan: Scan, slices: Slices) -> View | None:
        """How the slices lie in the file; None where a new grid was made."""
        prepare = slices.prepare
        if self.options.resample or prepare.resample or prepare.spacing_mm is not None or prepare.orient is not None:
            return None
        return view_of(scan, prepare.plane, prepare.display)


def _slice_facts(found: Findings, row: int, names: Sequence[str], view: View | None) -> dict[str, Any]:
    """A slice: its number, its place in the file, and its probabilities."""
    number = int(found.numbers[row])
    facts: dict[str, Any] = {"slice": number}
    if view is not None:
        index = number if view.steps[2] > 0 else view.count - 1 - number
        facts |= {"file_axis": _AXES[view.axes[2]], "file_index": index}
    return facts | {"probabilities": dict(zip(names, found.slices_LC[row].tolist(), strict=True))}


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
