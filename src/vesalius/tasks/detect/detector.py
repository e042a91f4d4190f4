"""A trained detection model: slices in, probabilities of the study and of each slice out.

Letters: L slices, C classes, N places, D width.
"""

from __future__ import annotations

from pathlib import Path

import torch

from vesalius.errors import CorruptFileError, InputError
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.predict import SliceClassifier
from vesalius.tasks.detect.settings import DetectSettings
from vesalius.tasks.encode.encoder import Encoder
from vesalius.transforms.contract import read_contract
from vesalius.weights.saved import ENCODER, HEAD, Part, Pretrained, from_pretrained


class Detector(SliceClassifier):
    """A model of the task "detect" with its encoder.

    Args:
        model: the loaded model.
        encoder: made the vectors that the head was trained on.
        calibration: chosen on validation cases.
    """

    def __init__(self, model: Pretrained, encoder: Encoder, calibration: Calibration) -> None:
        self.settings = DetectSettings.parse(model.config.settings, where=model.folder)
        head = model.parts[HEAD]
        facts = (head.digest, model.config.model_dump_json())
        super().__init__(encoder, calibration, self.settings.images, facts, self.settings.slices)
        self._net = head.net.to(encoder.device)

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> Detector:
        """Load a model folder, a run folder or a name of the zoo.

        Raises:
            InputError: no such model, or one for another job; a head that was trained on precomputed vectors.
            CorruptFileError: it is damaged, or its parts do not belong together.
        """
        model = from_pretrained(name, "detect")
        settings = DetectSettings.parse(model.config.settings, where=model.folder)
        encoder = encoder_of(model.parts.get(ENCODER), settings, model.folder, device)
        return cls(model, encoder, Calibration.read(model.folder, settings.classes))

    def logits(self, rows_LD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        study_BC, slices_BLC = self._study_logits(rows_LD[None])
        return study_BC[0], slices_BLC[0]

    def place_logits(self, rows_ND: torch.Tensor) -> torch.Tensor:
        return self._study_logits(rows_ND[:, None])[0]

    def _study_logits(self, x_BLD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        study_BC, slices_BLC = self._net(x_BLD, torch.ones(x_BLD.shape[:2], dtype=torch.bool, device=x_BLD.device))
        return study_BC, slices_BLC


def encoder_of(
    part: Part | None, settings: DetectSettings, folder: Path, device: str | torch.device = "cpu"
) -> Encoder:
    """Return the encoder that ships with a detection model.

    Raises:
        InputError: the head was trained on precomputed vectors.
        CorruptFileError: the encoder is missing, or not the one that the head was trained on.
    """
    if settings.encoder is None:
        what = "was trained on precomputed vectors, without an encoder, so it cannot take scans"
        raise InputError(what, where=folder, fix="train with data.manifest and data.encoder")
    if part is None:
        what = "the model folder is incomplete, its encoder is missing"
        raise CorruptFileError(what, where=folder, fix="get the model folder again")
    encoder = Encoder(part, read_contract(folder), device, settings.encoder.precision)
    if settings.encoder.digest != encoder.digest():
        what = "is not the encoder that the head was trained on"
        raise CorruptFileError(what, where=part.path, fix="get the model folder again")
    return encoder
