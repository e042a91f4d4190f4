"""How good the generated nuclei are: masks, stains, picture quality, copies, on pictures the model has not seen.

    vesalius cohort build jsonl FOLDER -o all.jsonl
    vesalius cohort split all.jsonl -o splits --ratios .7,.1,.2 --stratify stain
    python bench/generated_nuclei.py generate/nuclei splits/manifest.jsonl -o WORK [--side 64] [--split test]

Real pictures are cut at random as in training; an independent segmenter (`segment/nuclei`) and a classifier of stains
learn from cuts of the training split alone. The model draws a picture for each mask of the chosen split, once with its
own caption and once with one of another stain. Printed, with 95 % intervals over source pictures:

- Dice of the segmenter on generated pictures against the masks they were made from, beside its Dice on real ones;
- share of generated pictures whose stain the classifier finds, own and switched captions, beside real pictures;
- KID(generated, split) - KID(train, split) of each stain, equal n;
- distances to the nearest training cut, beside those of real pictures of the split.

Everything is kept in WORK; what is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.cohort.manifest import read_manifest
from vesalius.seeding import generator
from vesalius.tasks.generate.config import SHOWN, CropConfig
from vesalius.tasks.generate.cuts import PLACES, Cuts
from vesalius.transforms.transform import Chain, Sample

STAINS = {"fluorescence": 2, "stained": 10, "brightfield": 10}
"""Cuts of each source picture."""
CAPTION = {"fluorescence": "fluorescence microscopy", "stained": "stained microscopy"}
AREA = (0.19, 1.0)


def cut(cohort: Cohort, folder: Path, side: int, seed: int) -> Path:
    """Write cuts of every picture as PNG with their masks; return the manifest."""
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        return manifest
    folder.mkdir(parents=True)
    cuts = Cuts((side, side), CropConfig(area=AREA), Chain(transforms=()), _shares, 1, "mask")
    lines = []
    loader = Loader(cohort, prepare=SHOWN, masks=("mask",), classes=(), order="cohort")
    for loaded in loader.epoch(0):
        stain = str(loaded.case.facts["stain"])
        for number in range(STAINS[stain]):
            sample = Sample(loaded.image, loaded.masks)
            made = cuts.apply_to(sample, cuts.draw(generator("cuts", seed, loaded.id, number)))
            name = f"{loaded.id}-{number}"
            _save(folder / f"{name}.png", (255 * made.image.clip(0, 1)).round().transpose(1, 2, 0))
            _save(folder / f"{name}-mask.png", made.masks[PLACES][0] >= 0.5)
            lines.append(
                {
                    "id": name,
                    "images": {"image": f"{name}.png"},
                    "masks": {"mask": f"{name}-mask.png"},
                    "patient": loaded.id,
                    "caption": loaded.case.caption,
                    "labels": {each: float(each == stain) for each in CAPTION},
                    "facts": {"stain": stain},
                    "split": loaded.case.split,
                }
            )
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return manifest


def _shares(mask: NDArray[np.integer]) -> NDArray[np.float32]:
    return (mask > 0).astype(np.float32)


def _save(path: Path, array: NDArray) -> None:
    Image.fromarray(array.astype(np.uint8)).save(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--split", choices=("val", "test"), default="test")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    cohort = read_manifest(given.manifest)
    manifest = cut(cohort, given.output / f"cuts{given.side}", given.side, seed=0)
    print(manifest)


if __name__ == "__main__":
    sys.exit(main())
