"""How good generated fundus photographs are: optic disc, lesions, captions, picture quality, copies.

    vesalius cohort build jsonl FOLDER -o all.jsonl
    vesalius cohort draw all.jsonl -o drawn --classes optic_disc,haemorrhage,hard_exudates --caption "fundus photograph"
    vesalius cohort split drawn/manifest.jsonl -o splits
    python bench/generated_fundus.py MODEL splits/manifest.jsonl -o WORK [--split test] [--seeds 2]

Real photographs are prepared as in `generate/fundus`, and an independent detector (`segment/fundus`) learns from those
of the training split alone. The model draws a picture for each mask of the chosen split, and pictures from captions
without a mask. Printed, with 95 % intervals over source photographs:

- share of pictures with one disc whose centre lies in the box of the mask, and IoU of detected and drawn disc, beside
  the same on real photographs, which is the ceiling of the detector;
- for each lesion, how well its detected area (the mean of its probability) separates pictures with it from those
  without (AUROC), and Dice;
- the same areas in pictures from captions alone: with the lesion named against not named, equal noise;
- KID(generated, split) - KID(train, split) and distances to the nearest training photographs (`evaluate images`).

Everything is kept in WORK; what is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.metrics.bootstrap import clustered_intervals
from vesalius.metrics.classify import auroc
from vesalius.metrics.overlap import dice
from vesalius.scan.open import open_scan
from vesalius.tasks.evaluate.images.options import QualityOptions
from vesalius.tasks.evaluate.images.run import evaluate_images
from vesalius.tasks.evaluate.images.run import lines as image_lines
from vesalius.tasks.generate.config import GenerateConfig
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.generate.job import GenerateJob
from vesalius.tasks.generate.sampler import SampleOptions
from vesalius.tasks.generate.task import heldout
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.train.run import make_job, train

CONFIG, DETECTOR = "generate/fundus", "segment/fundus"
DISC = "optic_disc"
SUBJECT = "fundus photograph, optic disc"
LESIONS = {"haemorrhage": "haemorrhage", "hard_exudates": "hard exudates"}
"""Class -> its words in captions."""
CAPTIONED = 40
"""Pictures of each caption."""
EVERY = 10**6


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as the detector sees it.

    Args:
        source: the photograph that it is, or whose mask it was made from.
        wanted_JI: class numbers of its mask.
        found_JI: class numbers that the detector finds.
        share_N: mean probability of each class, the background first: its area, also where it is nowhere the likeliest.
    """

    source: str
    wanted_JI: NDArray[np.integer]
    found_JI: NDArray[np.integer]
    share_N: NDArray[np.floating]


def prepared(manifest: Path, folder: Path) -> Path:
    """Write the photographs and label maps of every split as `generate/fundus` shows them; return their manifest."""
    path = folder / "manifest.jsonl"
    if path.is_file():
        return path
    job = make_job(CONFIG, [f"data.manifest={json.dumps(str(manifest))}"])
    assert isinstance(job, GenerateJob)
    assert isinstance(job.config, GenerateConfig)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows = []
    for split, cohort in job.parts().items():
        for case in heldout(job.config, cohort, EVERY):
            save(folder / f"images/{case.id}.png", case.picture)
            row = {"id": case.id, "images": {"image": f"images/{case.id}.png"}, "caption": case.caption, "split": split}
            if case.labels_JI is not None:
                save(folder / f"masks/{case.id}.png", case.labels_JI)
                row["masks"] = {"mask": f"masks/{case.id}.png"}
            rows.append(row)
    write_rows(path, rows)
    return path


def drawn(model: Generator, rows: Sequence[dict], home: Path, folder: Path, seeds: int, options: SampleOptions) -> Path:
    """Draw a picture for each mask and seed; return the manifest, whose fact `source` is the photograph."""
    path = folder / "manifest.jsonl"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(row, seed) for seed in range(seeds) for row in rows]
    requests = [
        Request(row["caption"], label_map(home / row["masks"]["mask"]), 1000 * number + seed)
        for number, (row, seed) in enumerate(wanted)
    ]
    lines = []
    for (row, seed), picture in zip(wanted, model.sample(requests, options), strict=True):
        name = f"{row['id']}-{seed}"
        save(folder / f"{name}.png", picture)
        lines.append({"id": name, "images": {"image": f"{name}.png"}, "facts": {"source": row["id"]}})
    write_rows(path, lines)
    return path


def captioned(model: Generator, folder: Path, options: SampleOptions) -> dict[str, list[Path]]:
    """Draw pictures without masks for the caption of the disc alone and of each lesion, with the same noise."""
    captions = {"": SUBJECT} | {name: f"{SUBJECT}, {words}" for name, words in LESIONS.items()}
    paths = {name: [folder / f"{name or 'plain'}-{n}.png" for n in range(CAPTIONED)] for name in captions}
    folder.mkdir(parents=True, exist_ok=True)
    for name, caption in captions.items():
        if not all(path.is_file() for path in paths[name]):
            requests = [Request(caption, seed=n) for n in range(CAPTIONED)]
            for path, picture in zip(paths[name], model.sample(requests, options), strict=True):
                save(path, picture)
    return paths


def report_structure(name: str, seen: Sequence[Seen], classes: Sequence[str]) -> None:
    """Print what the detector finds of the disc and of each lesion."""
    sources = [each.source for each in seen]
    disc = classes.index(DISC) + 1
    with_disc = [each for each in seen if (each.wanted_JI == disc).any()]
    inside = [float(in_box(each.found_JI == disc, each.wanted_JI == disc)) for each in with_disc]
    iou = [overlap(each.found_JI == disc, each.wanted_JI == disc) for each in with_disc]
    from_disc = [each.source for each in with_disc]
    print(f"{name}: disc in its box {mean(inside, from_disc)}, IoU {mean(iou, from_disc)} ({len(with_disc)} pictures)")
    for lesion in LESIONS:
        number = classes.index(lesion) + 1
        areas = np.array([each.share_N[number] for each in seen])
        present = np.array([(each.wanted_JI == number).any() for each in seen])
        overlaps = [
            dice(each.found_JI, each.wanted_JI, [number])[number] for each in seen if (each.wanted_JI == number).any()
        ]
        separated = interval(lambda rows, a=areas, p=present: auroc(a[rows], p[rows]), sources)
        owners = [each.source for each, has in zip(seen, present, strict=True) if has]
        print(f"{name}: {lesion} AUROC of its area {separated}, Dice {mean(overlaps, owners)}")


def report_captions(areas: dict[str, NDArray[np.float64]]) -> None:
    """Print how the detected area of each lesion changes where the caption names it; rows are noises."""
    for number, lesion in enumerate(LESIONS):
        plain, named = areas[""][:, number], areas[lesion][:, number]
        other = next(areas[name][:, number] for name in LESIONS if name != lesion)
        labels = np.repeat([0, 1], len(plain))
        scores = np.concatenate([plain, named])
        noises = [*range(len(plain)), *range(len(plain))]
        separated = interval(lambda rows, s=scores, y=labels: auroc(s[rows], y[rows]), noises)
        print(
            f"captions alone: {lesion} covers {100 * plain.mean():.2f} % unnamed, {100 * named.mean():.2f} % named, "
            f"{100 * other.mean():.2f} % with the other lesion named; AUROC named against unnamed {separated}"
        )


def in_box(found_JI: NDArray[np.bool_], wanted_JI: NDArray[np.bool_]) -> bool:
    """Whether the centre of what was found lies in the box of what was wanted."""
    if not found_JI.any():
        return False
    centre, places = np.argwhere(found_JI).mean(0), np.argwhere(wanted_JI)
    return bool((places.min(0) <= centre).all() and (centre <= places.max(0)).all())


def overlap(found_JI: NDArray[np.bool_], wanted_JI: NDArray[np.bool_]) -> float:
    return float((found_JI & wanted_JI).sum() / (found_JI | wanted_JI).sum())


def mean(values: Sequence[float], sources: Sequence[str]) -> str:
    array = np.array(values)
    return interval(lambda rows: array[rows].mean(), sources)


def interval(measure: Callable[[NDArray[np.intp]], float], sources: Sequence) -> str:
    value = measure(np.arange(len(sources)))
    (ends,) = clustered_intervals(lambda rows: [measure(rows)], sources, draws=500)
    return f"{value:.3f}" + ("" if ends is None else f" [{ends.low:.3f}, {ends.high:.3f}]")


def look(
    detector: Segmenter, pictures: Iterable[Path], sources: Iterable[str], masks: dict[str, NDArray[np.uint8]]
) -> list[Seen]:
    """Look at pictures with the masks of their sources."""
    seen = []
    for path, source in zip(pictures, sources, strict=True):
        scans = {"image": open_scan(path)}
        share_N = detector.probabilities(scans).mean((1, 2, 3))
        seen.append(Seen(source, masks[source], detector.classes(scans)[:, :, 0].T, share_N))
    return seen


def label_map(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path))


def save(path: Path, array: NDArray) -> None:
    Image.fromarray(np.squeeze(array).astype(np.uint8)).save(path)


def write_rows(path: Path, rows: Iterable[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="run, model folder or zoo name; -: only the detector and its ceiling")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--seeds", type=int, default=2, help="pictures of each mask")
    parser.add_argument("--guidance", type=float, default=SampleOptions().guidance)
    parser.add_argument("--steps", type=int, default=SampleOptions().steps)
    parser.add_argument("--name", default="generated", help="of the folders with pictures of this model in WORK")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    work: Path = given.output
    manifest = prepared(given.manifest, work / "pictures")
    if not (work / "detector" / "model").is_dir():
        train(DETECTOR, work / "detector", [f"data.manifest={json.dumps(str(manifest))}"], force=True)
    detector = Segmenter.from_pretrained(work / "detector")
    classes = detector.values.names
    home = manifest.parent
    rows = [row for row in read_rows(manifest) if row["split"] == given.split and "masks" in row]
    masks = {row["id"]: label_map(home / row["masks"]["mask"]) for row in rows}
    real = look(detector, [home / row["images"]["image"] for row in rows], masks, masks)
    report_structure(f"real {given.split}", real, classes)
    if given.model == "-":
        return
    options = SampleOptions(guidance=given.guidance, steps=given.steps)
    model = Generator(given.model)
    made = drawn(model, rows, home, work / given.name / given.split, given.seeds, options)
    lines = read_rows(made)
    sources = [line["facts"]["source"] for line in lines]
    generated = look(detector, [made.parent / line["images"]["image"] for line in lines], sources, masks)
    report_structure("generated", generated, classes)
    paths = captioned(model, work / given.name / "captions", options)
    numbers = [classes.index(lesion) + 1 for lesion in LESIONS]
    unmasked = {"": np.zeros(model.settings.size, np.uint8)}
    areas = {
        name: np.array([each.share_N[numbers] for each in look(detector, pictures, [""] * len(pictures), unmasked)])
        for name, pictures in paths.items()
    }
    report_captions(areas)
    images = QualityOptions(train=manifest, split=given.split)
    result = evaluate_images(made, manifest, work / given.name / f"images-{given.split}", images, force=True)
    print("\n".join(image_lines(result)))


if __name__ == "__main__":
    sys.exit(main())
