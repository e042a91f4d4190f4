"""A finetuned classifier on new pictures or volumes; `classify/predict.py` says which files it writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vesalius.errors import UsageError
from vesalius.scan.scan import Scan
from vesalius.tasks.classify.predict import ClassifyPredictor
from vesalius.tasks.finetune.classifier import PictureClassifier
from vesalius.tasks.predictor import Plausibility


class FinetunePredictor(ClassifyPredictor):
    """Writes a folder for each picture, or for each volume, whose slices are classified one by one."""

    task = "finetune"

    def __init__(self, model: Path, device: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(model, device, options)
        self.model = PictureClassifier.from_pretrained(model, device)
        self.images = self.model.images
        self.unit = "pictures" if self.model.encoder.contract.prepare.layout == "CJI" else "slices"
        if self.options.heat_map == "rollout":
            self.model.encoder.check_attention()

    def checked(self, scans: list[Scan]) -> tuple[list[Scan], Plausibility]:
        if self.unit == "pictures":
            for scan in scans:
                if scan.shape[1] * scan.shape[4] != 1:
                    what = f"has {scan.shape[4]} slices and {scan.shape[1]} frames, the model takes single pictures"
                    raise UsageError(what, fix="give one picture, or name a model that was trained on slices")
        return scans, Plausibility()
