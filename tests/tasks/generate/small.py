"""A cohort of small pictures for generation: bright or dark discs, each with its mask and caption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vesalius.tasks.generate.config import GenerateConfig

CAPTIONS = {"bright": "a bright disc", "dark": "a dark disc"}


def disc(number: int, side: int = 24) -> tuple[np.ndarray, np.ndarray, str]:
    """A picture (side, side) of 8 bits, its mask, and its kind."""
    generator = np.random.default_rng(number)
    kind = "bright" if number % 2 else "dark"
    centre, radius = generator.uniform(0.35, 0.65, 2) * side, generator.uniform(0.15, 0.3) * side
    rows, columns = np.mgrid[:side, :side]
    mask = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
    inside, outside = (220, 90) if kind == "bright" else (20, 150)
    picture = np.where(mask, inside, outside) + generator.normal(0, 5, mask.shape)
    return picture.clip(0, 255).astype(np.uint8), mask.astype(np.uint8), kind


def write_discs(folder: Path, count: int = 24, side: int = 24, unmasked: int = 0) -> Path:
    """Write pictures and masks; return the manifest. The last `unmasked` training cases have no mask."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(count):
        picture, mask, kind = disc(number, side)
        Image.fromarray(np.stack([picture] * 3, -1)).save(folder / f"{number}.png")
        Image.fromarray(mask).save(folder / f"{number}-mask.png")
        split = "test" if number >= count - 4 else "val" if number >= count - 8 else "train"
        case = {
            "id": str(number),
            "images": {"image": f"{number}.png"},
            "masks": {"mask": f"{number}-mask.png"} if number >= unmasked else {},
            "caption": CAPTIONS[kind],
            "facts": {"kind": kind},
            "split": split,
        }
        lines.append(json.dumps(case))
    manifest = folder / "discs.jsonl"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest


LONGER = {
    "epochs": 100, "max_steps": 240, "validate_every": 20, "optimizer": {"lr": 0.006, "betas": [0.9, 0.99]},
    "ema_decay": 0.95, "clip_norm": 1.0,
}  # fmt: skip
"""Some seconds of training, after which a tiny net draws discs."""


def table(manifest: Path, **changes: Any) -> dict[str, Any]:
    """A run of a tiny net on the discs, as keys of a configuration."""
    return {
        "task": "generate",
        "data": {"manifest": str(manifest), "labels": {"disc": [1]}, "workers": 0},
        "sizes": [{"rows": 16, "columns": 16}],
        "batch": 4,
        "net": {
            "name": "next-dit", "inputs": 3, "width": 32, "depth": 1, "heads": 2, "patch": 4, "stem": "conv",
            "stem_channels": 8, "ffn_multiple": 8, "text_width": 16, "mask_channels": 1,
        },
        "text": {"name": "text-bytes", "width": 16, "heads": 2, "most": 32},
        "train": {"epochs": 2, "optimizer": {"lr": 0.003}, "ema_decay": 0.9, "log_every": 1},
        **changes,
    }  # fmt: skip


def config(manifest: Path, **changes: Any) -> GenerateConfig:
    """The same as a configuration."""
    return GenerateConfig.parse(table(manifest, **changes))
