"""A trained detection model, and its predictions for new scans; `classify/predict.py` says which files it writes.

Letters: L slices, C classes, N places, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vesalius.errors import CorruptFileError, InputError
from vesalius.scan.scan import Scan
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.predict import ClassifyPredictor, SliceClassifier
from vesalius.tasks.detect.config import DetectSettings
from vesalius.tasks.detect.plausible import check_head_ct, shifted
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.predict_options import DetectOptions
from vesalius.tasks.predictor import Plausibility
from vesalius.transforms.contract import read_contract
from vesalius.weights.saved import ENCODER, HEAD, Pretrained, from_pretrained

BRAIN_HU = (0.0, 80.0)
"""Center 40, width 80."""


class Detector(SliceClassifier):
    """A model of the task "detect" with its encoder: slices in, probabilities of the study and of each slice out.

    Args:
        name: a model folder, a run folder or a name of the zoo.
        device: where it runs.

    Raises:
        InputError: no such model, or one for another job; a head that was trained on precomputed vectors.
        CorruptFileError: it is damaged, or its parts do not belong together.
    """

    def __init__(self, name: str | Path, device: str | torch.device = "cpu") -> None:
        model = from_pretrained(name, "detect")
        self.settings = DetectSettings.parse(model.config.settings, where=model.folder)
        encoder, head = encoder_of(model, self.settings, device), model.parts[HEAD]
        calibration = Calibration.read(model.folder, self.settings.classes)
        facts = (head.digest, model.config.model_dump_json())
        super().__init__(encoder, calibration, self.settings.images, facts, self.settings.slices)
        self._net = head.net.to(encoder.device)

    def logits(self, rows_LD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        study_BC, slices_BLC = self._study_logits(rows_LD[None])
        return study_BC[0], slices_BLC[0]

    def place_logits(self, rows_ND: torch.Tensor) -> torch.Tensor:
        return self._study_logits(rows_ND[:, None])[0]

    def _study_logits(self, x_BLD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        study_BC, slices_BLC = self._net(x_BLD, torch.ones(x_BLD.shape[:2], dtype=torch.bool, device=x_BLD.device))
        return study_BC, slices_BLC


def encoder_of(model: Pretrained, settings: DetectSettings, device: str | torch.device = "cpu") -> Encoder:
    """Return the encoder that ships with a detection model.

    Raises:
        InputError: the head was trained on precomputed vectors.
        CorruptFileError: the encoder is missing, or not the one that the head was trained on.
    """
    if settings.encoder is None:
        what = "was trained on precomputed vectors, without an encoder, so it cannot take scans"
        raise InputError(what, where=model.folder, fix="train with data.manifest and data.encoder")
    part = model.parts.get(ENCODER)
    if part is None:
        what = "the model folder is incomplete, its encoder is missing"
        raise CorruptFileError(what, where=model.folder, fix="get the model folder again")
    encoder = Encoder(part, read_contract(model.folder), device, settings.encoder.precision)
    if settings.encoder.digest != encoder.digest():
        what = "is not the encoder that the head was trained on"
        raise CorruptFileError(what, where=part.path, fix="get the model folder again")
    return encoder


class DetectPredictor(ClassifyPredictor):
    """Checks that a scan is what the model was made for, then writes a folder for each study."""

    task = "detect"
    doing = "Detection of findings"
    Options = DetectOptions
    options: DetectOptions

    def __init__(self, model: Path, device: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(model, device, options)
        self.model = detector = Detector(model, device)
        self.images, self.check = detector.images, detector.settings.check
        self.window_hu = BRAIN_HU if self.check == "head-ct" else None
        self.check_heat_map()

    def checked(self, scans: list[Scan]) -> tuple[list[Scan], Plausibility]:
        plausible, warnings = Plausibility(), list[str]()
        if self.options.intercept_hu is not None:
            scans = [shifted(scan, self.options.intercept_hu) for scan in scans]
            warnings.append(f"{self.options.intercept_hu:g} was added to every value, as requested")
        if self.check == "head-ct":
            for scan in scans:
                plausible = check_head_ct(scan)
                warnings += plausible.warnings
        return scans, replace(plausible, warnings=tuple(warnings))
