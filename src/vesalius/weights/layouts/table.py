"""The form of public checkpoints: a layout for each family, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vesalius.named import Table
from vesalius.weights.keymap import KeyMap
from vesalius.weights.rules import Strip

Images = Literal["ct-wide", "xray", "colour"]
LAYOUTS = Table(
    "layout",
    {
        "vesalius": "vesalius.weights.layouts.table:PLAIN",
        "voco-swinunetr": "vesalius.weights.layouts.swinunetr:VOCO",
        "voco": "vesalius.weights.layouts.swinunetr:VOCO_ENCODER",
        "vocomni": "vesalius.weights.layouts.swinunetr:VOCOMNI",
        "meddinov3": "vesalius.weights.layouts.dino:MEDDINOV3",
        "dinov3": "vesalius.weights.layouts.dino:DINOV3",
        "dinov3-transformers": "vesalius.weights.layouts.dino:DINOV3_TRANSFORMERS",
        "dinov2": "vesalius.weights.layouts.dino:DINOV2",
        "dinov2-transformers": "vesalius.weights.layouts.dino:DINOV2_TRANSFORMERS",
        "rad-dino": "vesalius.weights.layouts.dino:RAD_DINO",
        "bit-npz": "vesalius.weights.layouts.bit:BIT",
        "remedis": "vesalius.weights.layouts.bit:REMEDIS",
        "remedis-cxr": "vesalius.weights.layouts.bit:REMEDIS_CXR",
        "torchvision-resnet": "vesalius.weights.layouts.resnet:TORCHVISION",
        "simclr": "vesalius.weights.layouts.resnet:SIMCLR",
        "simclr2": "vesalius.weights.layouts.resnet:SIMCLR2",
        "simclr2-sk": "vesalius.weights.layouts.resnet:SIMCLR2_SK",
        "titok-s128": "vesalius.weights.layouts.titok:S128",
        "titok-b64": "vesalius.weights.layouts.titok:B64",
        "titok-l32": "vesalius.weights.layouts.titok:L32",
        "titok-bl64-vq8k": "vesalius.weights.layouts.titok:BL64_VQ",
        "titok-bl128-vq8k": "vesalius.weights.layouts.titok:BL128_VQ",
        "titok-sl256-vq8k": "vesalius.weights.layouts.titok:SL256_VQ",
        "titok-ll32-vae": "vesalius.weights.layouts.titok:LL32_VAE",
        "titok-bl64-vae": "vesalius.weights.layouts.titok:BL64_VAE",
        "titok-bl128-vae": "vesalius.weights.layouts.titok:BL128_VAE",
        "lumina-next": "vesalius.weights.layouts.lumina:NEXT_DIT",
        "lumina-next-diffusers": "vesalius.weights.layouts.lumina:DIFFUSERS",
        "maskgit-vqgan": "vesalius.weights.layouts.titok:MASKGIT_VQGAN",
    },
)


@dataclass(frozen=True)
class Layout:
    """The form of a family of checkpoints.

    Args:
        about: the files and their origin, in one line.
        net: the network that they fit, as in a configuration: {"name": ..., sizes}. Empty where any network does.
        keymap: from their names to that network's.
        images: what they were trained on, for networks of three channels: wide HU windows of CT slices, X-rays, or
            pictures in 8-bit colour; None: the preparation is unknown.
    """

    about: str
    net: Mapping[str, Any]
    keymap: KeyMap
    images: Images | None = None


PLAIN = Layout(
    about="tensors of one of our networks; name it: name=unet dims=2 ...",
    net={},
    keymap=KeyMap(wrappers=("state_dict", "model"), rules=(Strip("module."), Strip("_orig_mod."))),
)
"""As `torch.save(net.state_dict())` leaves the tensors of our own networks."""
