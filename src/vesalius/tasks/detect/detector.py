"""A trained detection model at work: slices in, probabilities of the study and of each slice out.

Letters: L slices, C classes, H W patches down and across, D width.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.nets.rollout import attends, attention_rollout
from vesalius.tasks.classify.calibration import CALIBRATION, Calibration
from vesalius.tasks.detect.settings import DetectSettings
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.slices import Slices
from vesalius.weights.saved import HEAD, Pretrained, from_pretrained


@dataclass(frozen=True, eq=False)
class Findings:
    """What the model says of a study.

    Args:
        numbers: of the slices that it looked at, rising.
        study_C: calibrated probabilities of the study.
        slices_LC: the head's word on each slice alone, made a probability by the same temperatures; the calibration is
            one of studies, so these rank slices and are no calibrated risks.
    """

    numbers: NDArray[np.int64]
    study_C: NDArray[np.float64]
    slices_LC: NDArray[np.float64]


class Detector:
    """A model of the task "detect" with its encoder.

    Args:
        head: net and settings.
        encoder: that its vectors are of.
        calibration: what was chosen on validation cases.

    Raises:
        CorruptFileError: encoder, calibration and head do not belong together.
    """

    def __init__(self, head: Pretrained, encoder: Encoder, calibration: Calibration) -> None:
        self.settings = DetectSettings.parse(head.config.settings, where=head.folder)
        self.encoder, self.calibration = encoder, calibration
        check_encoder(encoder, self.settings)
        check_calibration(calibration, self.settings, head.folder)
        self._head = head
        self._net: nn.Module = head.parts[HEAD].net.to(encoder.device)

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> Detector:
        """A model folder, a run folder or a name of the zoo.

        Raises:
            InputError: no such model, or one for another job; a head that was trained on bare vectors.
            CorruptFileError: it is damaged.
        """
        head = from_pretrained(name, "detect", only=HEAD)
        facts = DetectSettings.parse(head.config.settings, where=head.folder).encoder
        if facts is None:
            what = "was trained on bare vectors, no encoder came with it, so it cannot look at scans"
            raise InputError(what, where=head.folder, fix="train with data.manifest and data.encoder")
        encoder = Encoder.from_pretrained(head.folder, device, facts.precision)
        return cls(head, encoder, Calibration.read(head.folder))

    def digest(self) -> str:
        """64 hexadecimal digits for head, encoder, preparation, settings and calibration."""
        parts = (
            self._head.parts[HEAD].digest,
            self._head.config.model_dump_json(),
            self.encoder.digest(),
            self.encoder.contract.prepare.digest(),
            self.calibration.model_dump_json(),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def __call__(self, slices: Slices) -> Findings:
        """Probabilities of a study.

        Raises:
            UsageError: there is no slice, or the preparation does not fit.
        """
        numbers = self.settings.slices.chosen(slices)
        rows_LD = torch.from_numpy(self.encoder.embed(slices, numbers)).to(self.encoder.device)
        study_C, slices_LC = self._logits(rows_LD)
        point = self.calibration.point
        return Findings(numbers, point.probabilities(study_C[None])[0], point.probabilities(slices_LC))

    def leading(self, study_C: NDArray[np.float64]) -> int:
        """The class that is farthest above its threshold, or least below it (0.5 where a class has none)."""
        return int(np.argmax(_logit(study_C) - self.threshold_logits()))

    def threshold_logits(self) -> NDArray[np.float64]:
        """Logits (C,) from which on a study counts as positive; that of 0.5 where a class has no threshold."""
        return _logit(np.array([0.5 if one is None else one for one in self.calibration.thresholds]))

    def patch_logits(self, patches_HWD: NDArray[np.float32], c: int) -> NDArray[np.float32]:
        """Logit (H, W) of a class for each patch: what the model says of a study that is this one vector.

        The head was trained on class tokens. Both went through the encoder's last norm, but a patch is none: the map
        shows where, its values are no risks.
        """
        flat = torch.from_numpy(patches_HWD.reshape(-1, 1, patches_HWD.shape[-1])).to(self.encoder.device)
        with torch.no_grad():
            there = torch.ones(flat.shape[:2], dtype=torch.bool, device=flat.device)
            logits = self._net(flat, there)[0][:, c].float().cpu().numpy()
        cooled = logits / self.calibration.temperatures[c]
        return cooled.reshape(patches_HWD.shape[:2]).astype(np.float32)

    def check_attention(self) -> None:
        """Raise UsageError where the encoder shows no attention."""
        if not attends(self.encoder.part.net):
            what = "the encoder shows no attention, so there is no rollout"
            raise UsageError(what, where="--heat-map", fix="take logit")

    def rollout(self, slices: Slices, number: int) -> NDArray[np.float32]:
        """Attention rollout (H, W) of a slice: share of each patch in what reaches the class token, times 1000.

        Raises:
            UsageError: the encoder shows no attention.
        """
        self.check_attention()
        x_BCJI = slices.prepared([number])
        side = self.encoder.part.config.divisor
        net = self.encoder.part.net
        shares_L = attention_rollout(net, torch.from_numpy(x_BCJI).to(self.encoder.device))[0]  # type: ignore[arg-type]
        shares: NDArray[np.float32] = 1000 * shares_L.cpu().numpy()
        return shares.reshape(x_BCJI.shape[2] // side, x_BCJI.shape[3] // side)

    @torch.no_grad()
    def _logits(self, rows_LD: torch.Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logits (C,) of the study that has these slices, and (L, C) of the slices."""
        there = torch.ones((1, len(rows_LD)), dtype=torch.bool, device=rows_LD.device)
        study_BC, slices_BLC = self._net(rows_LD[None], there)
        return study_BC[0].double().cpu().numpy(), slices_BLC[0].double().cpu().numpy()


def check_encoder(encoder: Encoder, settings: DetectSettings) -> None:
    """Raise CorruptFileError where it is not the encoder that the head was trained on."""
    if settings.encoder is None or settings.encoder.digest != encoder.digest():
        what = "is not the encoder that the head was trained on"
        raise CorruptFileError(what, where=encoder.model.folder, fix="get the model folder anew")


def check_calibration(calibration: Calibration, settings: DetectSettings, folder: Path) -> None:
    """Raise CorruptFileError where the calibration of a model folder is of other classes than the head."""
    if calibration.classes != settings.classes:
        what = f"is of other classes than the head ({', '.join(calibration.classes)})"
        raise CorruptFileError(what, where=folder / CALIBRATION, fix="get the model folder anew")


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(p, 1e-9, 1 - 1e-9)
    return np.log(inside) - np.log1p(-inside)
