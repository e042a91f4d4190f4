"""Public models: where they lie, which revision, under which licence, and which are given out on request only.

Needs no torch.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from vesalius.errors import ConfigError

_TRANSFORMERS = ("config.json", "model.safetensors")
"""Files of a model of transformers."""


@dataclass(frozen=True)
class Known:
    """A public model.

    Args:
        about: what it is, in one line.
        repository: on the Hugging Face hub.
        files: that are needed.
        layout: that imports it.
        licence: of the weights, with what to mind.
        numbers: that its network holds (a slow test counts them); files may hold more, such as heads of pre-training.
        revision: commit that is fetched; None: the newest one; its commit is reported and written down.
        sizes: of the network, where they are not the layout's own: "width=96".
    """

    about: str
    repository: str
    files: tuple[str, ...]
    layout: str
    licence: str
    numbers: int
    revision: str | None = None
    sizes: tuple[str, ...] = ()

    @property
    def mb(self) -> float:
        """Megabytes of its network in fp32."""
        return 4 * self.numbers / 1e6


@dataclass(frozen=True)
class OnRequest:
    """A model that its authors give out on request only, so that it cannot be fetched.

    Args:
        about: what it is, in one line.
        layout: that imports it.
        licence: of the weights.
        request: where, and what to ask for, an imperative clause.
        sizes: of the network, where they are not the layout's own.
    """

    about: str
    layout: str
    licence: str
    request: str
    sizes: tuple[str, ...] = ()


def _remedis(images: str, net: str, start: str) -> OnRequest:
    what = {"cxr": "chest X-rays", "path": "pathology"}[images]
    return OnRequest(
        about=f"REMEDIS BiT ResNet-{net}, {what}, from BiT-{start.upper()}",
        layout="remedis-cxr" if images == "cxr" else "remedis",
        licence="terms of PhysioNet's project, to be accepted there",
        request=f"request it with a credentialed account at PhysioNet, https://doi.org/10.13026/grp0-z205, "
        f"folder {images}-{net}-remedis-{start}",
        sizes=("depths=[3,8,36,3]", "factor=2") if net == "152x2" else (),
    )


def _voco(letter: str, width: int, numbers: int, *sizes: str) -> Known:
    return Known(
        about=f"VoCo SwinUNETR encoder, CT volumes, width {width}",
        repository="Luffy503/VoCo",
        files=(f"VoCo_{letter}_SSL_head.pt",),
        layout="voco-swinunetr",
        licence="Apache-2.0",
        numbers=numbers,
        sizes=sizes,
    )


def _titok(name: str, about: str, numbers: int) -> Known:
    return Known(
        about=f"TiTok {about}, natural images",
        repository=f"yucornetto/tokenizer_titok_{name}_imagenet",
        files=_TRANSFORMERS,
        layout=f"titok-{name.removesuffix('_c16').replace('_', '-')}",
        licence="Apache-2.0",
        numbers=numbers,
    )


KNOWN: dict[str, Known] = {
    "meddinov3": Known(
        about="MedDINOv3 ViT-B/16, CT slices",
        repository="ricklisz123/MedDINOv3-ViTB-16-CT-3M",
        files=("model.pth",),
        layout="meddinov3",
        licence="Apache-2.0 by its authors, but made from DINOv3: mind the DINOv3 License, too",
        numbers=85_641_216,
    ),
    "dinov3-base": Known(
        about="DINOv3 ViT-B/16, natural images",
        repository="facebook/dinov3-vitb16-pretrain-lvd1689m",
        files=_TRANSFORMERS,
        layout="dinov3-transformers",
        licence="DINOv3 License (Meta's own terms, access on request)",
        numbers=85_659_648,
        revision="5931719e67bbdb9737e363e781fb0c67687896bc",
    ),
    "dinov2-base": Known(
        about="DINOv2 ViT-B/14, natural images",
        repository="facebook/dinov2-base",
        files=_TRANSFORMERS,
        layout="dinov2-transformers",
        licence="Apache-2.0",
        numbers=86_579_712,
        revision="f9e44c814b77203eaa57a6bdbbd535f21ede1415",
    ),
    "rad-dino": Known(
        about="RAD-DINO ViT-B/14, chest X-rays",
        repository="microsoft/rad-dino",
        files=_TRANSFORMERS,
        layout="rad-dino",
        licence="MIT (an earlier revision: Microsoft Research License)",
        numbers=86_579_712,
        revision="110cbc18d5133582e320b43d53bf5c44e410c936",
    ),
    "voco-base": _voco("B", 48, 54_105_338),
    "voco-large": _voco("L", 96, 212_940_554, "width=96"),
    "voco-huge": _voco("H", 192, 848_217_386, "width=192"),
    "titok-s128": _titok("s128", "S-128 tokens of 4096 codes", 83_678_735),
    "titok-b64": _titok("b64", "B-64 tokens of 4096 codes", 204_818_191),
    "titok-l32": _titok("l32", "L-32 tokens of 4096 codes", 641_058_831),
    "titok-bl64-vq8k": _titok("bl64_vq8k", "BL-64 tokens of 8192 codes, one stage", 390_024_340),
    "titok-bl128-vq8k": _titok("bl128_vq8k", "BL-128 tokens of 8192 codes, one stage", 390_188_180),
    "titok-sl256-vq8k": _titok("sl256_vq8k", "SL-256 tokens of 8192 codes, one stage", 330_269_076),
    "titok-ll32-vae": _titok("ll32_vae_c16", "LL-32 continuous tokens of 16 numbers", 606_879_604),
    "titok-bl64-vae": _titok("bl64_vae_c16", "BL-64 continuous tokens of 16 numbers", 389_418_100),
    "titok-bl128-vae": _titok("bl128_vae_c16", "BL-128 continuous tokens of 16 numbers", 389_581_940),
    "maskgit-vqgan": Known(
        about="MaskGIT-VQGAN, 1024 codes of 16 x 16 pixels, natural images",
        repository="fun-research/TiTok",
        files=("maskgit-vqgan-imagenet-f16-256.bin",),
        layout="maskgit-vqgan",
        licence="Apache-2.0",
        numbers=54_516_611,
    ),
}

ON_REQUEST: dict[str, OnRequest] = {
    f"{images}-{net}-remedis-{start}": _remedis(images, net, start)
    for images in ("cxr", "path")
    for net in ("50x1", "152x2")
    for start in ("s", "m")
}


def import_command(path: str, name: str, layout: str, sizes: tuple[str, ...]) -> str:
    """Return the command that imports a file or folder as the model of a name."""
    return " ".join((f"vesalius weights import {path} --layout {layout} -o {name}", *sizes))


def known_model(name: str) -> Known:
    """Return a public model by its name in `KNOWN`.

    Raises:
        ConfigError: no such name, or one of `ON_REQUEST`.
    """
    if name in ON_REQUEST:
        asked = ON_REQUEST[name]
        fix = f"{asked.request}, then `{import_command('FOLDER', '...', asked.layout, asked.sizes)}`"
        raise ConfigError("is given out on request only", where=name, fix=fix)
    if name not in KNOWN:
        near = difflib.get_close_matches(name, (*KNOWN, *ON_REQUEST), n=1, cutoff=0)
        raise ConfigError(
            "no such public model", where=name, fix=f"did you mean {near[0]!r}? known: {', '.join(KNOWN)}"
        )
    return KNOWN[name]
