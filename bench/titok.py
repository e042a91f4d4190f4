"""What do the tokens of TiTok carry? Small runs on a CPU, each printed as it is.

overfit     three cines of Sunnybrook (their middle slices), trained and measured on the same slices: gain over their
            coded mean frame, share of the codes in use.
held-out    tokens for each slice, frame or study beside the coded mean; trained on three patients of Sunnybrook and
            phantoms, measured on the fourth (SCD0000401): gain over the mean, over zeroed tokens and over those of
            another slice, for all tokens and for prefixes.
stages      VQGAN, stage 1 by its codes, stage 2: what stage 2 leaves bit-equal, and what it reaches held out.
conditions  phantoms: the decoder knows group, height and weight; the right ones against those of another patient,
            for each held-out patient, with a bootstrap interval over patients.

    python bench/titok.py overfit|held-out|stages|conditions --data SUNNYBROOK -o WORK [--steps N] [--group slice]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vesalius.cohort.build import build_cohort
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.read import open_image
from vesalius.config import read_table
from vesalius.metrics.bootstrap import patient_interval
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.examples import MEAN
from vesalius.tasks.tokenize.hearts import with_boxes
from vesalius.tasks.tokenize.measure import psnr
from vesalius.tasks.tokenize.method import FACTS, tokenizer_of
from vesalius.tasks.tokenize.task import TokenizeTask
from vesalius.tasks.train.jobs import find_config
from vesalius.tasks.train.run import train
from vesalius.training.loop import Loop
from vesalius.weights.saved import from_pretrained

HELD_OUT = "SCD0000401"
PREFIXES = (1, 2, 4)
"""Parts of the tokens that are decoded: all, the first half, the first quarter."""
STUDY = {"latents": 4, "anchors": [[2, 2]], "group": "study"}
"""40 tokens for a study, of which the first 32 are measured too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("overfit", "held-out", "stages", "conditions"))
    parser.add_argument("--data", type=Path, help="folder of cine-sunnybrook")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms and runs")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--patients", type=int, default=20, help="phantoms; 0: none")
    parser.add_argument("--frames", type=int, default=8, help="frames that a cycle is resampled to")
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--most", type=int, default=12, help="held-out examples that are measured")
    parser.add_argument("--group", choices=("frame", "slice", "study"), default="slice")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.output.mkdir(parents=True, exist_ok=True)
    {"overfit": overfit, "held-out": held_out, "stages": stages, "conditions": conditions}[given.what](given)


def overfit(given: argparse.Namespace) -> None:
    """Learn the middle slices of three cines by heart."""
    cohort = with_boxes(sunnybrook(given.data), ("ED", "ES"))
    few = Cohort(tuple(_middle_slice(cohort, case) for case in cohort if case.patient != HELD_OUT), cohort.root)
    keys = table("titok_cpu", given, augment=[])
    keys["data"]["masks"] = ["none"]  # the places that the cases already state
    keys["example"] |= {"about_labels": 1.0, "margin": 0}
    keys["method"]["tails"] = 0.0
    keys["method"]["warm_up"] = given.steps // 4
    keys["method"]["net"]["quantizer"] = {"name": "vq", "codes": 256, "dim": 8}
    run(keys, few, few, "overfit")


def held_out(given: argparse.Namespace) -> None:
    """Train on three patients and phantoms, measure on the fourth."""
    train_on, test_on = split(given)
    keys = table("titok_cpu", given)
    keys["method"]["warm_up"] = given.steps // 4
    if given.group == "study":
        keys["example"] |= {"span": "study", "slices": 6}
        keys["method"]["net"] |= STUDY
    keys["method"]["net"]["group"] = given.group
    loop = run(keys, train_on, test_on, f"{given.group}, {HELD_OUT} held out")
    report_prefixes(loop)


def stages(given: argparse.Namespace) -> None:
    """Run the two-stage training through its configurations, as a user does."""
    cohort = sunnybrook(given.data)
    cases = [case.model_copy(update={"split": "test" if case.patient == HELD_OUT else "train"}) for case in cohort]
    cases[0] = cases[0].model_copy(update={"split": "val"})
    manifest = write_manifest(Cohort(tuple(cases), cohort.root), given.output / "hearts.jsonl", force=True)
    shared = [f"data.manifest={manifest}", f"train.max_steps={given.steps}", f"train.epochs={given.steps}", "batch=8"]
    shared += ["repeats=200", "train.validate_every=1000", "data.most=16"]
    more = {
        "vqgan_cpu": [],
        "titok_cpu_stage1": [f"method.proxy={given.output / 'vqgan_cpu'}", f"method.warm_up={given.steps // 4}"],
        "titok_cpu_stage2": [f"init_from.model={given.output / 'titok_cpu_stage1'}"],
    }
    for name, words in more.items():
        started = time.process_time()
        result = train(f"tokenize/{name}", given.output / name, [*shared, *words], device="cpu", force=True)
        report(f"{name}, {HELD_OUT}", result.results["test"], started)
    first, second = (
        from_pretrained(given.output / name).parts["tokenizer"].net.state_dict() for name in list(more)[1:]
    )
    coding = [name for name in first if name.startswith(("net.encoder.", "net.quantizer."))]
    equal = all(torch.equal(first[name], second[name]) for name in coding)
    changed = sum(not torch.equal(first[name], second[name]) for name in first if name not in coding)
    print(f"stage 2: {len(coding)} tensors of encoder and codebook bit-equal: {equal}; {changed} others changed")


def conditions(given: argparse.Namespace) -> None:
    """Compare the right facts of each held-out phantom with those of another one."""
    cohort = phantoms(given)
    held = max(5, given.patients // 3)
    train_on, test_on = (Cohort(cases, cohort.root) for cases in (cohort.cases[held:], cohort.cases[:held]))
    keys = table("titok_cpu", given, augment=[])
    keys["example"] |= {"about_labels": 1.0, "margin": 0}
    keys["method"] |= {"conditioned": True, "tails": 0.0, "warm_up": given.steps // 4}
    keys["method"]["net"] |= {"latents": 1, "anchors": [[1, 1]], "harmonics": 0, "takes_mean": False}
    keys["method"]["net"]["quantizer"] = {"name": "vq", "codes": 4, "dim": 4}
    loop = run(keys, train_on, test_on, "conditioned")
    net = tokenizer_of(loop.task.modules).eval()
    gains: dict[str, list[float]] = {}
    patients = [case.patient for case in test_on]
    facts_of = {}
    examples = []
    config = loop.task.config.example
    for loaded in loop.task._held_out.epoch(0):
        one = [(x_KTJI, loaded.case) for x_KTJI in config.of_scan(loaded.image, loaded.case.facts)]
        batch = loop.task._batch(one)
        facts_of[loaded.case.patient] = batch[FACTS][0]
        examples.append((loaded.case.patient, batch))
    with torch.no_grad():
        for patient, batch in examples:
            size = tuple(batch["x"].shape)
            coded = net(batch["x"], batch.get(MEAN), batch[FACTS])
            right = psnr(coded.x_BCJI, batch["x"])
            for other in patients:
                if torch.equal(facts_of[other], facts_of[patient]):
                    continue
                wrong_BF = facts_of[other].expand(len(batch["x"]), -1)
                wrong = psnr(net.restored(coded.z_BLD, size, batch.get(MEAN), wrong_BF), batch["x"])
                gains.setdefault(patient, []).extend((right - wrong).tolist())
    means = np.array([np.mean(values) for values in gains.values()])
    interval = patient_interval(means.tolist())
    print(f"right against other facts: {means.mean():+.3f} dB over {len(means)} phantoms, 95 % interval {interval}")
    print(f"  better in {(means > 0).sum()} of {len(means)}: {' '.join(f'{value:+.2f}' for value in means)}")


def report_prefixes(loop: Loop) -> None:
    """Print what the first tokens of each group reach."""
    net = tokenizer_of(loop.task.modules).eval()
    rows: dict[int, list[float]] = {}
    averages = loop.ema.applied() if loop.ema else torch.no_grad()
    with torch.no_grad(), averages:
        for batch in loop.task._examples:
            size = tuple(batch["x"].shape)
            z_GLD = net(batch["x"], batch.get(MEAN)).z_BLD
            counts = {z_GLD.shape[1] // part for part in PREFIXES} | ({32} if z_GLD.shape[1] > 32 else set())
            for count in counts:
                decoded = net.restored(z_GLD[:, :count], size, batch.get(MEAN))
                rows.setdefault(count, []).extend(psnr(decoded, batch["x"]).tolist())
    for count, values in sorted(rows.items()):
        print(f"  first {count} tokens of a group: {np.mean(values):.2f} dB")


def run(keys: dict[str, Any], train_on: Cohort, test_on: Cohort, name: str) -> Loop:
    """Train, and print what is reached."""
    config = TokenizeConfig.parse(keys)
    started = time.process_time()
    loop = Loop(TokenizeTask(config, {"train": train_on, "val": test_on}), config.train, None, cpu=True)

    def watch(row: dict[str, Any]) -> None:
        report(f"{name}, step {row['step']}, {row['kind']}", row, started)

    loop.run(watch=watch)
    return loop


def report(name: str, measures: Mapping[str, Any], started: float) -> None:
    numbers = {key: round(value, 3) for key, value in measures.items() if isinstance(value, float)}
    print(f"{name} ({time.process_time() - started:.0f} CPU s): {json.dumps(numbers)}", flush=True)


def table(name: str, given: argparse.Namespace, **changes: Any) -> dict[str, Any]:
    """Keys of a shipped configuration for so many steps in one epoch."""
    keys = read_table(find_config(f"tokenize/{name}")) | changes
    keys["data"] = {"manifest": "none.jsonl", "workers": 0, "most": given.most}
    keys |= {"batch": given.batch, "repeats": given.steps * given.batch, "still": {"qualities": [48]}}
    keys["example"] |= {"frames": given.frames}
    keys["train"] |= {"epochs": 1, "max_steps": given.steps, "best": None, "log_every": max(1, given.steps // 10)}
    return keys


def split(given: argparse.Namespace) -> tuple[Cohort, Cohort]:
    """Three patients and phantoms to learn from, the fourth to measure on; phantoms beside them."""
    real = sunnybrook(given.data)
    absolute = [_absolute(real, case) for case in real]
    if given.patients:
        made = phantoms(given)
        absolute += [_absolute(made, case) for case in made]
    learn = tuple(case for case in absolute if case.patient != HELD_OUT)
    return Cohort(learn, Path("/")), Cohort(tuple(case for case in absolute if case.patient == HELD_OUT), Path("/"))


def _middle_slice(cohort: Cohort, case: Case) -> Case:
    """Leave one slice in the middle of the labels."""
    slices = open_image(cohort, case, "image").shape[4]
    ends = [float(case.facts[f"labels_k_{end}"]) for end in ("from", "to")]
    number = int(sum(ends) / 2 * slices)
    place = {"labels_k_from": number / slices, "labels_k_to": (number + 1) / slices}
    return case.model_copy(update={"facts": {**case.facts, **place}})


def _absolute(cohort: Cohort, case: Case) -> Case:
    paths = {
        kind: {name: str((cohort.root / path).resolve()) for name, path in getattr(case, kind).items()}
        for kind in ("images", "masks")
    }
    return case.model_copy(update=paths)


def sunnybrook(folder: Path) -> Cohort:
    return build_cohort("acdc", folder)


def phantoms(given: argparse.Namespace) -> Cohort:
    folder = given.output / "phantoms"
    if not folder.exists():
        write_cine(folder, CineOptions(patients=given.patients, size=128, frames=20, seed=7))
        write_manifest(build_cohort("acdc", folder), folder / "m.jsonl")
    return read_manifest(folder / "m.jsonl")


if __name__ == "__main__":
    main()
