"""Autoencoders from a local folder of diffusers (`AutoencoderKL`: those of Stable Diffusion, SDXL, SD3, FLUX), frozen.

Latents are (z - shift) * scale by the two factors of the folder, as their diffusion models were trained with.

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from vesalius.errors import InputError, MissingExtraError
from vesalius.nets.outside import weights_in
from vesalius.nets.picture_latents import LatentNet, PictureLatents


class VaeFolder(LatentNet):
    """An `AutoencoderKL` of diffusers; the weights stay in their folder."""

    folder: str = Field(min_length=1, description="of config.json and diffusion_pytorch_model.safetensors")
    inputs: int = Field(default=3, ge=1, description="channels of pictures")
    outputs: int = Field(default=4, ge=1, description="channels of latents, e.g. 4 for SDXL, 16 for SD3 and FLUX")
    divisor: int = Field(default=8, ge=1, description="rows and columns of pixels of a latent")

    def make(self) -> VaeFolderNet:
        return VaeFolderNet(self)


class VaeFolderNet(PictureLatents):
    """The module of `VaeFolder`.

    Args:
        config: its folder and sizes.

    Raises:
        MissingExtraError: diffusers is not installed.
        InputError: the folder holds no such autoencoder, or one of other sizes.
    """

    def __init__(self, config: VaeFolder) -> None:
        files = weights_in(config.folder)
        try:
            from diffusers import AutoencoderKL
        except ImportError as error:
            raise MissingExtraError("diffusers is not installed", extra="diffusion") from error
        try:
            net: Any = AutoencoderKL.from_pretrained(
                config.folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
            )
        except Exception as error:  # diffusers raises whatever its files provoke
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            fix = "name the folder of an AutoencoderKL"
            raise InputError(f"cannot be read by diffusers ({reason})", where=config.folder, fix=fix) from error
        sizes = {
            "inputs": net.config.in_channels,
            "outputs": net.config.latent_channels,
            "divisor": 2 ** (len(net.config.block_out_channels) - 1),
        }
        for name, size in sizes.items():
            if size != getattr(config, name):
                what = f"its {name} is {size}, not {getattr(config, name)}"
                raise InputError(what, where=config.folder, fix=f"set {name}={size} for it")
        super().__init__(net, files)
        self._scale, self._shift = float(net.config.scaling_factor), float(net.config.shift_factor or 0)

    @torch.no_grad()
    def encode(self, x_BCJI: Tensor) -> Tensor:
        net: Any = self.net()
        mean_BCJI: Tensor = net.encode(x_BCJI.to(net.dtype)).latent_dist.mode()
        return (mean_BCJI.float() - self._shift) * self._scale

    @torch.no_grad()
    def decode(self, z_BCJI: Tensor) -> Tensor:
        net: Any = self.net()
        x_BCJI: Tensor = net.decode((z_BCJI / self._scale + self._shift).to(net.dtype)).sample
        return x_BCJI.float()
