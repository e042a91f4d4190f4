"""Masked autoencoding (arXiv:2111.06377) with a linear decoder on every place (SimMIM, arXiv:2111.09886).

Blocks of a crop are hidden (set to 0), and each place of the encoder restores its voxels. Unlike in the first paper the
encoder sees the hidden blocks as zeros, so that convolutions and windows of attention can be pre-trained, too.

Letters: B volumes, C channel, I J K voxels of a crop, L places, P numbers of a place (C times its voxels).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from pydantic import Field
from torch import Tensor, nn

from vesalius.errors import UsageError
from vesalius.nets.encoder import EncoderNet
from vesalius.nets.net import Net
from vesalius.nets.ume import UME
from vesalius.nets.voco import VoxelHead
from vesalius.tasks.voco.crops import CropChanges, Drawn, Size, cut_crops
from vesalius.tasks.voco.geometry import Shape
from vesalius.tasks.voco.health import vector_health
from vesalius.tasks.voco.method import VolumeMethod
from vesalius.training.task import Logs
from vesalius.weights.saved import ENCODER, HEAD


class Masked(VolumeMethod):
    """The loss is the mean squared error in hidden blocks. A block is a place of the encoder: `divisor` voxels a side.

    With time as the third axis the blocks are hidden in space and time.
    """

    crop: Size = Field(default=(64, 64, 64), description="voxels of a random crop; the third axis may be frames")
    hidden: float = Field(default=0.6, gt=0, lt=1, description="share of the blocks that are hidden")
    changes: CropChanges = CropChanges(flip=0.5, quarter_turn=0, shift_p=0)

    @property
    def seen(self) -> Size:
        return self.crop

    def check(self, shape: Shape) -> None:
        if any(side < crop for side, crop in zip(shape, self.crop, strict=True)):
            what = f"a crop of {self.crop} voxels does not fit into a volume of {shape}"
            raise UsageError(what, where="method.crop", fix="take smaller crops, or pad the volumes")

    def draw(self, generator: np.random.Generator, net: EncoderNet, shape: Shape) -> Drawn:
        room = [side - crop + 1 for side, crop in zip(shape, self.crop, strict=True)]
        places = [side // net.divisor for side in self.crop]
        count = math.prod(places)
        hidden = np.zeros(count, bool)
        hidden[generator.permutation(count)[: min(max(1, round(self.hidden * count)), count - 1)]] = True
        drawn = self.changes.draw(generator, generator.integers(0, room, (1, 3)))
        return {**drawn, "hidden": hidden.reshape(places)}

    def check_net(self, net: EncoderNet) -> None:
        super().check_net(net)
        if isinstance(net, UME):
            what = "ume looks at keyframes, so it has no place for each block"
            raise UsageError(what, where="method", fix="take another net, or method.name: neighbours")
        if all(side == net.divisor for side in self.crop):
            raise UsageError(
                "a crop is one block: nothing is left to see", where="method.crop", fix="take larger crops"
            )

    def heads(self, net: EncoderNet) -> dict[str, Net]:
        return {HEAD: VoxelHead(inputs=net.width, voxels=(net.inputs or 1) * net.divisor**3)}

    def loss(self, modules: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        x_BCIJK = cut_crops(batch["image"], batch, self.crop, self.crop)[:, 0]
        hidden_BIJK = batch["hidden"]
        side = self.crop[0] // hidden_BIJK.shape[1]
        shown = ~hidden_BIJK
        for axis in (1, 2, 3):
            shown = shown.repeat_interleave(side, axis)
        whole_BD, places_BLD = modules[ENCODER](x_BCIJK * shown[:, None])
        errors_BL = ((modules[HEAD](places_BLD) - in_places(x_BCIJK, side)) ** 2).mean(-1)
        hidden_BL = hidden_BIJK.flatten(1).to(errors_BL.dtype)
        loss = ((errors_BL * hidden_BL).sum(1) / hidden_BL.sum(1)).mean()
        return loss, vector_health(whole_BD) if len(whole_BD) > 1 else {}


def in_places(x_BCIJK: Tensor, side: int) -> Tensor:
    """Return the voxels of each block, (B, L, P), in the order of the places of an encoder.

    Example:
        >>> import torch
        >>> in_places(torch.arange(8.0).reshape(1, 1, 2, 2, 2), 1).flatten().tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    count, channels, *shape = x_BCIJK.shape
    i, j, k = (length // side for length in shape)
    blocks = x_BCIJK.reshape(count, channels, i, side, j, side, k, side)
    return blocks.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(count, i * j * k, channels * side**3)
