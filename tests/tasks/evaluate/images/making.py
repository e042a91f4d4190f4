"""Small cohorts of pictures: coloured textures, as real, as generated in a manifest, and spoilt."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest

SIZE = 24
KINDS = ("red", "blue")


def texture(seed):
    """A picture (J, I, 3) of 8 bits, smooth noise; even seeds are red, odd ones blue."""
    draw = np.random.default_rng(seed)
    noise = gaussian_filter(draw.normal(size=(SIZE, SIZE)), 1.0, mode="wrap")
    tint = (1.0, 0.5, 0.4) if seed % 2 == 0 else (0.4, 0.6, 1.0)
    bright = 110 + 45 * noise / noise.std()
    return (bright[..., None] * tint + draw.normal(0, 2, (SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)


def real_pictures(folder: Path, numbers, split) -> list[Case]:
    """Write pictures; return their cases."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number in numbers:
        Image.fromarray(texture(number)).save(folder / f"r{number}.png")
        facts = {"kind": KINDS[number % 2]}
        cases.append(Case(id=f"r{number}", images={"image": f"r{number}.png"}, facts=facts, split=split))
    return cases


def real_manifest(folder: Path, train=range(40), test=range(100, 132)) -> Path:
    cases = real_pictures(folder, train, "train") + real_pictures(folder, test, "test")
    return write_manifest(Cohort(tuple(cases), folder), folder / "real.jsonl", force=True)


def generated_manifest(folder: Path, pictures, sources) -> Path:
    """Write pictures and a manifest in the form of `vesalius generate`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (picture, source) in enumerate(zip(pictures, sources, strict=True)):
        Image.fromarray(picture).save(folder / f"g{number}.png")
        facts = {"source": source, "seed": number, "synthetic": True}
        lines.append({"image_path": f"g{number}.png", "caption": "texture", "mask_path": None, **facts})
    (folder / "made.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "made.jsonl"
