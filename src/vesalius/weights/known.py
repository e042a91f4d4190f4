"""Public models that can be fetched: where they lie, which revision, under which licence. Needs no torch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from vesalius.errors import ConfigError

_DINOV3 = "DINOv3 License (Meta's own terms, access on request)"


@dataclass(frozen=True)
class Known:
    """A public model.

    Args:
        about: what it is, in one line.
        repository: on the Hugging Face hub.
        files: that are needed.
        revision: commit that is fetched; None: the newest one; its commit is reported and written down.
        layout: that imports it.
        sizes: of the network, where they are not the layout's own: "width=96".
        licence: of the weights, with what to mind.
    """

    about: str
    repository: str
    files: tuple[str, ...]
    revision: str | None
    layout: str
    licence: str
    sizes: tuple[str, ...] = ()


_VOCO = "Luffy503/VoCo"
KNOWN: dict[str, Known] = {
    "meddinov3": Known(
        about="MedDINOv3 ViT-B/16, CT slices",
        repository="ricklisz123/MedDINOv3-ViTB-16-CT-3M",
        files=("model.pth",),
        revision=None,
        layout="meddinov3",
        licence="Apache-2.0 by its authors, but made from DINOv3: mind the DINOv3 License, too",
    ),
    "dinov3-base": Known(
        about="DINOv3 ViT-B/16, natural images",
        repository="facebook/dinov3-vitb16-pretrain-lvd1689m",
        files=("config.json", "model.safetensors"),
        revision="5931719e67bbdb9737e363e781fb0c67687896bc",
        layout="dinov3-transformers",
        licence=_DINOV3,
    ),
    "dinov2-base": Known(
        about="DINOv2 ViT-B/14, natural images",
        repository="facebook/dinov2-base",
        files=("config.json", "model.safetensors"),
        revision="f9e44c814b77203eaa57a6bdbbd535f21ede1415",
        layout="dinov2-transformers",
        licence="Apache-2.0",
    ),
    "rad-dino": Known(
        about="RAD-DINO ViT-B/14, chest X-rays",
        repository="microsoft/rad-dino",
        files=("config.json", "model.safetensors"),
        revision="110cbc18d5133582e320b43d53bf5c44e410c936",
        layout="rad-dino",
        licence="MIT (an earlier revision: Microsoft Research License)",
    ),
    "voco-base": Known(
        about="VoCo SwinUNETR encoder, CT volumes, width 48",
        repository=_VOCO,
        files=("VoCo_B_SSL_head.pt",),
        revision=None,
        layout="voco-swinunetr",
        licence="Apache-2.0",
    ),
    "voco-large": Known(
        about="VoCo SwinUNETR encoder, CT volumes, width 96",
        repository=_VOCO,
        files=("VoCo_L_SSL_head.pt",),
        revision=None,
        layout="voco-swinunetr",
        licence="Apache-2.0",
        sizes=("width=96",),
    ),
    "voco-huge": Known(
        about="VoCo SwinUNETR encoder, CT volumes, width 192",
        repository=_VOCO,
        files=("VoCo_H_SSL_head.pt",),
        revision=None,
        layout="voco-swinunetr",
        licence="Apache-2.0",
        sizes=("width=192",),
    ),
}


def known_model(name: str) -> Known:
    """A public model by its name here.

    Raises:
        ConfigError: no such name.
    """
    if name not in KNOWN:
        near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0)
        raise ConfigError(
            "no such public model", where=name, fix=f"did you mean {near[0]!r}? known: {', '.join(KNOWN)}"
        )
    return KNOWN[name]
