"""Red cells, white cells and platelets of real smears: a classifier that starts from SimCLR, beside trivial baselines.

Each box of the annotated smears becomes a square crop; the splits are those of the data set, by smear. SimCLR
(simclr/blood_cells) trains on the crops of the training smears without labels, then finetune/blood_cells on the same
crops with their labels, from the weights of SimCLR and from scratch. Printed are macro F1, accuracy and the recall of
each class on the test smears, and AUROC beside the baseline of mean colour and size of the crops. Red cells are 85 % of
the cells, so accuracy alone says little. Goals: macro F1 and the recall of the worst class at least 0.95.

Resumable: the same command goes on where it stopped. --quick is a setting of sizes whose numbers mean nothing.

    VESALIUS_DATA=DIR python bench/blood_cells.py -o WORK [--quick] [train.epochs=40] [finetune:train.epochs=6] ...
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.report.page import PAGE
from vesalius.tasks.train.run import train

PRETRAIN, FINETUNE = "simclr/blood_cells", "finetune/blood_cells"
GOAL = 0.95
QUICK = ("train.epochs=1", "train.max_steps=2", "train.schedule.warmup_epochs=0")
_OF_FINETUNE = "finetune:"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("words", nargs="*", metavar="a.b=value")
    given = parser.parse_args()
    work = given.output.resolve()
    work.mkdir(parents=True, exist_ok=True)
    manifest = work / "cells.jsonl"
    if not manifest.exists():
        folder = Path(os.environ["VESALIUS_DATA"]) / "blood-cells" / "BCCD"
        write_manifest(build_cohort("voc", folder, ["unit=box"]), manifest)
    shared = [f"data.manifest={manifest}", *(QUICK if given.quick else ())]
    ours = [word for word in given.words if not word.startswith(_OF_FINETUNE)]
    theirs = [word.removeprefix(_OF_FINETUNE) for word in given.words if word.startswith(_OF_FINETUNE)]
    run(PRETRAIN, work / "encoder", [*shared, *ours], given.threads)
    start = [f"init_from.model={work / 'encoder'}", "init_from.part=encoder"]
    results = {
        name: run(FINETUNE, work / name, [*shared, *words, *theirs], given.threads)
        for name, words in (("pretrained", start), ("scratch", []))
    }
    show(results)


def run(config: str, folder: Path, words: list[str], threads: int) -> dict[str, Any]:
    """Train, unless that is done; return the results."""
    started = time.process_time()
    if not (folder / PAGE).exists():
        train(config, folder, words, resume=True, device="cpu", threads=threads, progress=print)
        print(f"{folder.name}: {(time.process_time() - started) / 60:.1f} processor-minutes in this call")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    results: dict[str, Any] = summary["results"]
    return results


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print what was measured."""
    for name, measured in results.items():
        print(f"\n{name}: {json.dumps(measured['one_class'], indent=1)}")
        print(f"AUROC of the model: {json.dumps(measured['auroc'])}")
        print(f"trivial baselines: {json.dumps(measured['baselines'], indent=1)}")
    print(f"goal: macro F1 and the recall of the worst class at least {GOAL}")


if __name__ == "__main__":
    main()
