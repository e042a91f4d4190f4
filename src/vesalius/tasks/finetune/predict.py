"""A finetuned classifier on new pictures or volumes; `classify/predict.py` says which files it writes.

Letters: L slices, N places or classes, C classes, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vesalius.errors import CorruptFileError, UsageError
from vesalius.nets.classifier import Classifier
from vesalius.nets.head import Head
from vesalius.scan.scan import Scan
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.predict import ClassifyPredictor, SliceClassifier
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.finetune.config import FinetuneSettings
from vesalius.tasks.predictor import Plausibility
from vesalius.transforms.contract import read_contract
from vesalius.weights.saved import ENCODER, HEAD, from_pretrained


class Network:
    """Encoder and head of a model folder; `net` is both, in eval mode, as they were trained.

    Args:
        name: a model folder, a run folder, or a name of the zoo.
        device: where it runs.

    Raises:
        InputError: no such model, or one for another job.
        CorruptFileError: it is damaged, or encoder and head do not fit.
    """

    def __init__(self, name: str | Path, device: str | torch.device = "cpu") -> None:
        self.model = from_pretrained(name, "finetune")
        self.folder = self.model.folder
        self.settings = FinetuneSettings.parse(self.model.config.settings, where=self.folder)
        if set(self.model.parts) != {ENCODER, HEAD}:
            what = f"a classifier has the parts {ENCODER} and {HEAD}, not {', '.join(self.model.parts)}"
            raise CorruptFileError(what, where=self.folder, fix="get the model folder again")
        head = self.model.parts[HEAD]
        self.encoder = Encoder(self.model.parts[ENCODER], read_contract(self.folder), device)
        sizes = (self.encoder.width, len(self.settings.classes))
        if not isinstance(head.config, Head) or (head.config.inputs, head.config.outputs) != sizes:
            what = "encoder, head and classes of the model do not fit each other"
            raise CorruptFileError(what, where=self.folder, fix="get the model folder again")
        self.head = head.net.to(device)
        self.net = Classifier.of(self.encoder.config, head.config).joined(self.encoder.part.net, self.head).eval()


class PictureClassifier(SliceClassifier):
    """A model of the task "finetune": pictures, or the slices of a volume, in; probabilities out.

    Args:
        name: a model folder, a run folder, or a name of the zoo.
        device: where it runs.

    Raises:
        InputError: as `Network` and `Calibration.read`.
        CorruptFileError: likewise.
    """

    def __init__(self, name: str | Path, device: str | torch.device = "cpu") -> None:
        network = Network(name, device)
        model, settings = network.model, network.settings
        calibration = Calibration.read(network.folder, settings.classes)
        facts = (model.digest, model.config.model_dump_json())
        super().__init__(network.encoder, calibration, settings.images, facts)
        self._head = network.head

    def logits(self, rows_LD: Tensor) -> tuple[Tensor, Tensor]:
        """A volume has, for each class, the logit of its most suspicious slice."""
        logits_LC = self._head(rows_LD)
        return logits_LC.amax(0), logits_LC

    def place_logits(self, rows_ND: Tensor) -> Tensor:
        logits_NC: Tensor = self._head(rows_ND)
        return logits_NC


class FinetunePredictor(ClassifyPredictor):
    """Writes a folder for each picture, or for each volume, whose slices are classified one by one."""

    task = "finetune"
    doing = "Classification"

    def __init__(self, model: Path, device: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(model, device, options)
        self.model = PictureClassifier(model, device)
        self.images = self.model.images
        self.unit = "pictures" if self.model.encoder.contract.prepare.layout == "CJI" else "slices"
        self.check_heat_map()

    def checked(self, scans: list[Scan]) -> tuple[list[Scan], Plausibility]:
        if self.unit == "pictures":
            for scan in scans:
                if scan.shape[1] * scan.shape[4] != 1:
                    what = f"has {scan.shape[4]} slices and {scan.shape[1]} frames, the model takes single pictures"
                    raise UsageError(what, fix="give one picture, or name a model that was trained on slices")
        return scans, Plausibility()
