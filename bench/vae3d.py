"""Trains MONAI's AutoencoderKL for given processor time and compares its tokens tier with that of other tokenizers.

It learns from all Sunnybrook patients but one (CC0) and from cine phantoms; then `evaluate codec` measures it beside
other coders on the patients of --on, of which none was trained on.

    python bench/vae3d.py SUNNYBROOK -o WORK --seconds 610 --on ACDC [--model MODEL ...] [--judge MODEL] [a.b=value ...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, write_manifest
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.run import evaluate_codec, lines
from vesalius.tasks.train.run import train

CONFIG = "tokenize/vae3d_cpu"
PHANTOMS, SEED = 20, 1
TRIED = 6
"""Steps of the short run that times a step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sunnybrook", type=Path, help="patients in the layout of ACDC; the last one is held out")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms, manifests and runs")
    parser.add_argument("--seconds", type=float, required=True, help="processor seconds of the training")
    parser.add_argument("--on", type=Path, action="append", default=[], help="patients to evaluate on")
    parser.add_argument("--model", action="append", default=[], help="another tokenizer to compare with")
    parser.add_argument("--judge", help="segmentation model")
    parser.add_argument("--points", type=int, default=6, help="rate points of each coder and study")
    parser.add_argument("overrides", nargs="*", help="a.b=value for the training")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    manifest = given.output / "learned-from.jsonl"
    if not manifest.exists():
        write_manifest(learned_from(given.sunnybrook, given.output), manifest)
    settings = [f"data.manifest={manifest}", *given.overrides]
    model = given.output / f"vae3d-{given.seconds:g}s"
    if not model.exists():
        steps = max(1, round(given.seconds / step_seconds(given.output, settings)))
        started = time.process_time()
        train(CONFIG, model, [*settings, f"train.max_steps={steps}"], threads=1, progress=print)
        print(f"{steps} steps, {time.process_time() - started:.0f} processor seconds with validation and test")
    if given.on:
        coders = ("mean", "svtav1", *(f"tokens:{name}" for name in (*given.model, str(model))))
        config = CodecEvaluationConfig(coders=coders, lossless=("wls",), points=given.points, judge=given.judge)
        print(
            *lines(evaluate_codec(given.on, given.output / "evaluation", config, force=True, progress=print)), sep="\n"
        )


def step_seconds(folder: Path, settings: Sequence[str]) -> float:
    """Processor seconds of an optimizer step: those of a few steps more, over their number."""
    spent = []
    for steps in (1, 1 + TRIED):
        started = time.process_time()
        train(CONFIG, folder / "timed", [*settings, f"train.max_steps={steps}", "data.most=1"], force=True, threads=1)
        spent.append(time.process_time() - started)
    return max(spent[1] - spent[0], 1e-3) / TRIED


def learned_from(sunnybrook: Path, folder: Path) -> Cohort:
    """Train: all patients but the last, and phantoms; val: one phantom; test: the last patient."""
    real = build_cohort("acdc", sunnybrook)
    held_out = max(case.patient or case.id for case in real)
    made = folder / "phantoms"
    if not made.exists():
        write_cine(made, CineOptions(patients=PHANTOMS, seed=SEED))
    phantoms = build_cohort("acdc", made)
    cases = []
    for case in moved(real, made):
        split = "test" if (case.patient or case.id) == held_out else "train"
        cases.append(case.model_copy(update={"split": split}))
    for number, case in enumerate(phantoms):
        facts = {"split": "train" if number else "val", "id": f"phantom-{case.id}", "patient": f"phantom-{case.id}"}
        cases.append(case.model_copy(update=facts))
    return Cohort(tuple(cases), made)


if __name__ == "__main__":
    main()
