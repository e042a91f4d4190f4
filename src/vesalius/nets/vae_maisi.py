"""The autoencoder of MAISI (arXiv:2409.11169) in MONAI for slices, frozen.

It codes volumes, four times smaller along each axis. A slice is given to it as a slab of equal slices, one latent
thick, and comes back as their mean. It was trained on values from 0 to 1 (CT: -1000 to 1000 HU).

Letters: B batch, C channel, J rows, I columns, K equal slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.nets.picture_latents import LatentNet, PictureLatents


class VaeMaisi(LatentNet):
    """`AutoencoderKlMaisi` of MONAI; the weights stay in their file."""

    weights: str = Field(min_length=1, description="file of the weights, .pt or .safetensors")
    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(64, 128, 256), min_length=2, description="of each level, as published"
    )
    blocks: int = Field(default=2, ge=1, description="residual blocks of a level")
    groups: int = Field(default=32, ge=1, description="of the norms")
    outputs: int = Field(default=4, ge=1, description="channels of latents")
    scale: float = Field(default=1.0, gt=0, description="factor of the latents: 1 over their spread")
    inputs: ClassVar[int] = 1

    @property
    def divisor(self) -> int:
        return int(2 ** (len(self.channels) - 1))

    def make(self) -> VaeMaisiNet:
        return VaeMaisiNet(self)


class VaeMaisiNet(PictureLatents):
    """The module of `VaeMaisi`.

    Args:
        config: its file and sizes.

    Raises:
        InputError: the file cannot be read, or does not hold such an autoencoder.
    """

    def __init__(self, config: VaeMaisi) -> None:
        from monai.apps.generation.maisi.networks.autoencoderkl_maisi import AutoencoderKlMaisi

        levels = len(config.channels)
        net = AutoencoderKlMaisi(
            spatial_dims=3,
            in_channels=1,
            out_channels=1,
            num_res_blocks=(config.blocks,) * levels,
            num_channels=config.channels,
            attention_levels=(False,) * levels,
            latent_channels=config.outputs,
            norm_num_groups=config.groups,
            num_splits=1,
        )
        path = Path(config.weights)
        try:
            net.load_state_dict(_tensors(path))
        except RuntimeError as error:
            what = "does not hold the tensors of an autoencoder of these sizes"
            raise InputError(
                what, where=path, fix="name the weights of AutoencoderKlMaisi, or change channels"
            ) from error
        super().__init__(net, [path])
        self._slices, self._scale = config.divisor, config.scale

    @torch.no_grad()
    def encode(self, x_BCJI: Tensor) -> Tensor:
        net: Any = self.net()
        slab = ((x_BCJI + 1) / 2)[..., None].expand(*x_BCJI.shape, self._slices)
        mean: Tensor = net.encode(slab.contiguous())[0]
        return mean[..., 0].float() * self._scale

    @torch.no_grad()
    def decode(self, z_BCJI: Tensor) -> Tensor:
        net: Any = self.net()
        slab: Tensor = net.decode((z_BCJI / self._scale)[..., None])
        return 2 * slab.float().mean(-1) - 1


def _tensors(path: Path) -> Mapping[str, Tensor]:
    """Read a state dict; pickled files hold tensors only, or are refused."""
    fix = "name the file of the weights on this machine"
    if not path.is_file():
        raise InputError("is no file", where=path, fix=fix)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(regular(path))
        held = torch.load(regular(path), map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip raise whatever the bytes provoke
        raise InputError("is not a readable weights file", where=path, fix=fix) from error
    held = held.get("unet_state_dict", held) if isinstance(held, dict) else held
    if not isinstance(held, dict) or not all(isinstance(tensor, Tensor) for tensor in held.values()):
        raise InputError("holds more than tensors", where=path, fix=fix)
    return held
