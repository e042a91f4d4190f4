"""A detection model on new scans; `classify/predict.py` says which files it writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vesalius.scan.scan import Scan
from vesalius.tasks.classify.predict import ClassifyPredictor
from vesalius.tasks.detect.detector import Detector
from vesalius.tasks.detect.plausible import check_head_ct, shifted
from vesalius.tasks.predict_options import DetectOptions
from vesalius.tasks.predictor import Plausibility

BRAIN_HU = (0.0, 80.0)
"""Center 40, width 80."""


class DetectPredictor(ClassifyPredictor):
    """Checks that a scan is what the model was made for, then writes a folder for each study."""

    task = "detect"
    Options = DetectOptions
    options: DetectOptions

    def __init__(self, model: Path, device: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(model, device, options)
        self.model = detector = Detector.from_pretrained(model, device)
        self.images, self.check = detector.images, detector.settings.check
        self.window_hu = BRAIN_HU if self.check == "head-ct" else None
        if self.options.heat_map == "rollout":
            detector.encoder.check_attention()

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
