"""How good the generated nuclei are: masks, stains, picture quality, copies, on pictures the model has not seen.

    vesalius cohort build jsonl FOLDER -o all.jsonl
    vesalius cohort split all.jsonl -o splits --ratios .7,.1,.2 --stratify stain
    python bench/generated_nuclei.py generate/nuclei splits/manifest.jsonl -o WORK [--side 64] [--split test] [a=b ...]

`a=b`: options of sampling, such as steps=50 sampler=euler.

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
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.cohort.manifest import read_manifest
from vesalius.config import from_overrides
from vesalius.metrics.bootstrap import with_intervals
from vesalius.seeding import generator
from vesalius.tasks.evaluate.images.features import LITE0, FeatureNet
from vesalius.tasks.evaluate.images.options import QualityOptions
from vesalius.tasks.evaluate.images.run import evaluate_images
from vesalius.tasks.evaluate.images.run import lines as image_lines
from vesalius.tasks.evaluate.masks.obeyed import evaluate_structure
from vesalius.tasks.evaluate.masks.obeyed import lines as structure_lines
from vesalius.tasks.evaluate.masks.structure_options import StructureOptions
from vesalius.tasks.generate.config import SHOWN, CropConfig
from vesalius.tasks.generate.cuts import PLACES, Cuts
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.generate.sampler import SampleOptions
from vesalius.tasks.train.run import train
from vesalius.transforms.transform import Chain, Sample

STAINS = {"fluorescence": 2, "stained": 10, "brightfield": 10}
"""Cuts of each source picture."""
PAIR = {"fluorescence": "stained", "stained": "fluorescence"}
"""A stain -> the other one; captions of the data set differ in this word."""
KINDS = ("own", "switched")
AREA = (0.19, 1.0)


def cut(cohort: Cohort, folder: Path, side: int, seed: int) -> None:
    """Write cuts of every picture as PNG with their masks, and a manifest of all and of each split."""
    if (folder / "manifest.jsonl").is_file():
        return
    folder.mkdir(parents=True)
    cuts = Cuts((side, side), CropConfig(area=AREA), Chain(transforms=()), _shares, 1, "mask")
    lines = []
    for loaded in Loader(cohort, prepare=SHOWN, masks=("mask",), classes=(), order="cohort").epoch(0):
        stain = str(loaded.case.facts["stain"])
        for number in range(STAINS[stain]):
            sample = Sample(loaded.image, loaded.masks)
            made = cuts.apply_to(sample, cuts.draw(generator("cuts", seed, loaded.id, number)))
            name = f"{loaded.id}-{number}"
            _save(folder / f"{name}.png", (255 * made.image.clip(0, 1)).round().transpose(1, 2, 0))
            _save(folder / f"{name}-mask.png", made.masks[PLACES][0] >= 0.5)
            line = {"id": name, "patient": loaded.id, "caption": loaded.case.caption, "split": loaded.case.split}
            line |= {"images": {"image": f"{name}.png"}, "masks": {"mask": f"{name}-mask.png"}}
            lines.append({**line, "facts": {"stain": stain}})
    for split in ("train", "val", "test"):
        _write(folder / f"{split}.jsonl", [line for line in lines if line["split"] == split])
    _write(folder / "manifest.jsonl", lines)


def draw(model: Generator, cuts: Path, split: str, folder: Path, options: SampleOptions) -> None:
    """Draw a picture for each mask of a split: `own` with its caption, `switched` with one of another stain."""
    if folder.is_dir():
        return
    cohort = read_manifest(cuts / f"{split}.jsonl")
    cases = [case for case in cohort if case.facts["stain"] in PAIR]
    masks = [np.array(Image.open(cuts / case.masks["mask"])) for case in cases]
    folder.mkdir(parents=True)
    for kind in ("own", "switched"):
        stains = [str(case.facts["stain"]) if kind == "own" else PAIR[str(case.facts["stain"])] for case in cases]
        captions = [
            str(case.caption).replace(str(case.facts["stain"]), stain)
            for case, stain in zip(cases, stains, strict=True)
        ]
        requests = [Request(text, mask, seed) for seed, (text, mask) in enumerate(zip(captions, masks, strict=True))]
        pictures = list(model.sample(requests, options))
        lines = []
        for case, stain, caption, picture, mask in zip(cases, stains, captions, pictures, masks, strict=True):
            _save(folder / f"{kind}-{case.id}.png", picture)
            _save(folder / f"{kind}-{case.id}-mask.png", mask)
            line = {"id": f"{kind}-{case.id}", "images": {"image": f"{kind}-{case.id}.png"}, "caption": caption}
            line["masks"] = {"mask": f"{kind}-{case.id}-mask.png"}
            lines.append({**line, "facts": {"stain": stain, "source": case.id, "synthetic": True}})
        _write(folder / f"{kind}.jsonl", lines)


def stains_found(cuts: Path, split: str, drawn: Path) -> dict[str, list[str]]:
    """Share of pictures whose stain a classifier on the features of real training cuts finds, with intervals."""
    net = FeatureNet.load(LITE0)

    def seen(path: Path) -> tuple[NDArray, NDArray, list[str]]:
        cases = [case for case in read_manifest(path) if case.facts["stain"] in PAIR]
        pictures = [np.array(Image.open(path.parent / case.images["image"])) for case in cases]
        x_BCJI = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) / 255
        features = np.concatenate([net.encode(x_BCJI[n : n + 32]) for n in range(0, len(x_BCJI), 32)])
        sources = [str(case.facts.get("source", case.patient)) for case in cases]
        return features, np.array([case.facts["stain"] for case in cases]), sources

    features, stains, _ = seen(cuts / "train.jsonl")
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(features, stains)
    shares = {}
    for name, path in (("real", cuts / f"{split}.jsonl"), *((kind, drawn / f"{kind}.jsonl") for kind in KINDS)):
        features, stains, sources = seen(path)
        right = classifier.predict(features) == stains
        measured = with_intervals(lambda rows, right=right: [float(right[rows].mean())], sources)[0]
        shares[name] = [f"{measured['value']:.3f}", str(measured["interval"]), f"{len(right)} pictures"]
    return shares


def _shares(mask: NDArray[np.integer]) -> NDArray[np.float32]:
    return (mask > 0).astype(np.float32)


def _save(path: Path, array: NDArray) -> None:
    Image.fromarray(array.astype(np.uint8)).save(path)


def _write(path: Path, lines: list[dict]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--segmenter", type=Path, help="a finished run of segment/nuclei on the cuts")
    parser.add_argument("options", nargs="*", help="of sampling")
    return parser.parse_intermixed_args()


def main() -> None:
    given = arguments()
    torch.set_num_threads(1)
    cuts, options = given.output / f"cuts{given.side}", from_overrides(SampleOptions, given.options)
    cut(read_manifest(given.manifest), cuts, given.side, seed=0)
    segmenter = given.segmenter or given.output / f"segmenter{given.side}"
    if not (segmenter / "model" / "config.json").is_file():
        train(
            "segment/nuclei",
            segmenter,
            [f"data.manifest={cuts / 'manifest.jsonl'}", f"patch=[{given.side},{given.side},1]", "batch=24",
             "train.epochs=16", "train.precision=auto"],
            force=True,
            threads=1,
        )  # fmt: skip
    model = Generator(given.model)
    words = "-".join([model.digest[:8], given.split, str(given.side), *given.options]).replace("=", "")
    drawn = given.output / f"drawn-{words}"
    draw(model, cuts, given.split, drawn, options)
    print(f"{model.name} {model.digest[:16]}, {options}")
    for kind in KINDS:
        structure = StructureOptions(
            generated=drawn / f"{kind}.jsonl", real=cuts / f"{given.split}.jsonl", judge=str(segmenter), by="stain"
        )
        print(f"\n{kind} captions: masks")
        print("\n".join(structure_lines(evaluate_structure(structure, drawn / f"structure-{kind}", force=True))))
    print("\nstain found in real pictures and in generated ones:", json.dumps(stains_found(cuts, given.split, drawn)))
    images = QualityOptions(train=cuts / "train.jsonl", by="stain", features=LITE0)
    judged = evaluate_images(
        drawn / "own.jsonl", cuts / f"{given.split}.jsonl", drawn / "images", images, device="cpu", force=True
    )
    print("\npictures")
    print("\n".join(image_lines(judged)))


if __name__ == "__main__":
    sys.exit(main())
