"""A small cohort of beating discs, a toy tokenizer with its method, and a run that fits them."""

from pathlib import Path
from typing import ClassVar

import nibabel as nib
import numpy as np
import torch

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.nets.net import Net
from vesalius.nets.tokenizer import Tokenizer
from vesalius.tasks.tokenize.method import Decoded, TokenMethod, tokenizer_of

SIDES, SLICES, FRAMES = (40, 36), 3, 8


def make_cines(folder: Path, count: int = 4, splits: str = "train train val test") -> Path:
    """Write discs that beat, in the layout of ACDC: one patient each, 40 x 36 voxels, 3 slices, 8 frames."""
    draw = np.random.default_rng(0)
    i, j = np.mgrid[: SIDES[0], : SIDES[1]]
    for number in range(count):
        home = folder / f"p{number}"
        home.mkdir(parents=True)
        center = draw.uniform(14, 22, 2)
        apart = np.hypot(i - center[0], j - center[1])
        volume = draw.uniform(0, 20, (*SIDES, SLICES, FRAMES))
        masks = {}
        for t in range(FRAMES):
            radius = 6 + 2 * np.cos(2 * np.pi * t / FRAMES)
            volume[..., t] += 200 * (apart < radius)[..., None]
            masks[t] = np.repeat((apart < radius)[..., None], SLICES, 2).astype(np.uint8) * 3
        affine = np.diag([1.5, 1.5, 8.0, 1.0])
        nib.save(nib.Nifti1Image(volume.astype(np.int16), affine), home / f"p{number}_4d.nii.gz")
        for t in (0, 4):
            nib.save(nib.Nifti1Image(masks[t], affine), home / f"p{number}_frame{t + 1:02d}_gt.nii.gz")
        words = f"ED: 1\nES: 5\nGroup: NOR\nHeight: {150 + number}\nWeight: 70\n"
        (home / "Info.cfg").write_text(words, encoding="utf-8")
    cohort = build_cohort("acdc", folder)
    names = splits.split()
    cases = [case.model_copy(update={"split": names[n % len(names)]}) for n, case in enumerate(cohort)]
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


class ToyCells(Net):
    """Means of cells of 4 x 4 pixels, rounded to tenths."""

    dims: ClassVar[int] = 2
    inputs: ClassVar[int] = 1
    outputs: ClassVar[None] = None
    divisor: ClassVar[int] = 4

    def make(self):
        return ToyTokenizer()


class ToyTokenizer(Tokenizer):
    """Cells of every frame; a gain is learned."""

    takes_mean = False
    qualities = (0,)
    width = 1

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(0.5))

    def shape(self, size_KTJI):
        k, t, j, i = size_KTJI
        return k * t, j // 4 * (i // 4), 1

    def grid(self, size_KTJI):
        return size_KTJI[2] // 4, size_KTJI[3] // 4

    def encode(self, x_KTJI, mean_KJI, quality):
        k, t, j, i = x_KTJI.shape
        cells = torch.nn.functional.avg_pool2d(x_KTJI.reshape(k * t, 1, j, i), 4)
        return (cells * 10).round().int().reshape(k * t, -1, 1)

    def decode(self, tokens_GLM, mean_KJI, size_KTJI, quality):
        k, t, j, i = size_KTJI
        grid = tokens_GLM.float().reshape(k * t, 1, j // 4, i // 4) / 10 * self.gain
        return torch.nn.functional.interpolate(grid, scale_factor=4).reshape(size_KTJI)

    def prefix(self, tokens_GLM, count):
        return tokens_GLM[:, :count]

    def values(self, tokens_GLM, quality):
        return tokens_GLM.float()

    def tables(self):
        return {}


class Toy(TokenMethod):
    """Learns the gain of `ToyTokenizer`."""

    weight: float = 1.0

    def shipped(self):
        return ToyCells()

    def losses(self, modules, batch, step):
        x_BKTJI = batch["x"]
        loss = (self._decoded(modules, x_BKTJI) - x_BKTJI).square().mean()
        return {"net": loss * self.weight}, {}

    def decoded(self, modules, batch):
        x_BKTJI = batch["x"]
        net = tokenizer_of(modules)
        tokens = torch.stack([net.encode(x_KTJI, None, 0) for x_KTJI in x_BKTJI])
        decoded = self._decoded(modules, x_BKTJI)
        others = None if len(x_BKTJI) == 1 else decoded.roll(1, 0)
        return Decoded(decoded, torch.zeros_like(decoded), others, tokens.flatten(1), 11)

    @staticmethod
    def _decoded(modules, x_BKTJI):
        net = tokenizer_of(modules)
        each = [net.decode(net.encode(x_KTJI, None, 0), None, tuple(x_KTJI.shape), 0) for x_KTJI in x_BKTJI]
        return torch.stack(each)


TOY = "tasks.tokenize.small:Toy"


def table(manifest: Path, **changes):
    """Keys of a small run."""
    keys = {
        "task": "tokenize",
        "data": {"manifest": str(manifest), "workers": 0},
        "example": {"size": [24, 20], "about_labels": 0.5, "margin": 2},
        "augment": [
            {"name": "affine", "degrees": 5, "scale": [0.9, 1.1]},
            {"name": "contrast", "factor": [0.8, 1.2]},
        ],
        "batch": 2,
        "repeats": 3,
        "method": {"name": TOY},
        "train": {"epochs": 3, "optimizer": {"name": "adamw", "lr": 0.05}, "log_every": 1},
    }
    return keys | changes
