"""Frozen networks that losses look through: a segmenter, and an encoder whose features are compared.

Letters: B pictures, C channel, J rows, I columns, N classes, L places, D features.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from vesalius.errors import InputError
from vesalius.weights.saved import ENCODER, NET, Pretrained, from_pretrained


class MaskFinder(nn.Module):
    """A segmenter of pictures: x_BCJI from 0 to 1 to logits_BNJI.

    Segmenters are trained on values between two percentiles of the scan, which is what tokenizers take as well, up to
    the percentiles; their first axis is I.

    Args:
        name: a model folder, a run folder or a name of the zoo.

    Raises:
        InputError: no such model, or one that does not segment pictures of one channel.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        model = from_pretrained(name, "segment")
        self._divisor, self.net = _only_part(model, NET)

    def forward(self, x_BCJI: Tensor) -> Tensor:
        rows, columns = x_BCJI.shape[2:]
        logits_BNIJ = self.net(_padded(x_BCJI, self._divisor).transpose(2, 3))
        logits_BNJI: Tensor = logits_BNIJ.transpose(2, 3)[..., :rows, :columns]
        return logits_BNJI


class EncoderFeatures(nn.Module):
    """An encoder of pictures of one or three channels: x_BCJI from 0 to 1 to the features of its places.

    Args:
        name: a model folder, a run folder or a name of the zoo.

    Raises:
        InputError: no such model, or one without an encoder of pictures.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        part = from_pretrained(name, only=ENCODER).parts[ENCODER]
        config: Any = part.config
        if config.dims != 2 or config.inputs not in (1, 3):
            raise InputError("is no encoder of pictures", where=name, fix="name one of grey or coloured pictures")
        self._divisor, self._channels, self.net = config.divisor, config.inputs, part.net

    def forward(self, x_BCJI: Tensor) -> list[Tensor]:
        x_BCJI = _padded(x_BCJI, self._divisor).expand(-1, self._channels, -1, -1)
        places_BLD: Tensor = self.net(x_BCJI)[1]
        return [places_BLD.transpose(1, 2)]


def _only_part(model: Pretrained, name: str) -> tuple[int, nn.Module]:
    config: Any = model.config.parts[name].net if name in model.config.parts else None
    if config is None or (config.dims, config.inputs) != (2, 1):
        fix = "name one such as segment/cine_unet"
        raise InputError("is no segmenter of pictures of one channel", where=model.folder.name, fix=fix)
    return config.divisor, model.parts[name].net


def _padded(x_BCJI: Tensor, divisor: int) -> Tensor:
    """Repeat the last rows and columns up to a multiple of the divisor."""
    rows, columns = ((-size) % divisor for size in x_BCJI.shape[2:])
    return functional.pad(x_BCJI, (0, columns, 0, rows), mode="replicate") if rows or columns else x_BCJI
