"""Trains the two cine segmenters that come with the package and measures each on patients that it has not seen.

Each net learns from the cine phantoms of its own seed and from its own half of the Sunnybrook patients (CC0) and is
tested on the other half. Then both are measured on other cine data (ACDC: only measured on, never trained on) and the
ejection fractions from their masks are compared with the known ones of phantoms of a third seed.

    python bench/cine_segmenters.py SUNNYBROOK -o WORK [--other ACDC] [train.epochs=40 ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, write_manifest
from vesalius.metrics.drawn import Drawn
from vesalius.metrics.masks import Measured
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.tasks.segment.labels import units
from vesalius.tasks.segment.outcome import SegmentSummary, Unit, measure
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.train.run import train

NETS = {"cine_unet": 10, "cine_segresnet": 20}
"""Configuration -> phantoms to learn from; their seeds are 1 and 2."""
MASKS = ("ED", "ES")
HEADING = "## Measured on other cases by bench/cine_segmenters.py"
HELD_OUT_PHANTOMS, HELD_OUT_SEED = 10, 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sunnybrook", type=Path, help="patients in the layout of ACDC")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms, manifests and runs")
    parser.add_argument("--other", type=Path, help="more patients in the layout of ACDC, to measure on only")
    parser.add_argument("--other-name", default="ACDC", help="what it is called in the cards")
    parser.add_argument("overrides", nargs="*", help="a.b=value for both trainings")
    given = parser.parse_args()
    real = build_cohort("acdc", given.sunnybrook)
    patients = sorted({case.patient or case.id for case in real})
    for number, (name, count) in enumerate(NETS.items()):
        mine = set(patients[number::2])
        manifest = given.output / f"{name}.jsonl"
        if not manifest.exists():
            write_manifest(learning(real, mine, phantoms(given.output, number + 1, count, 10)), manifest)
        run = given.output / name
        train(f"segment/{name}", run, [f"data.manifest={manifest}", *given.overrides], resume=True, progress=print)
    beside = {"new phantoms": phantoms(given.output, HELD_OUT_SEED, HELD_OUT_PHANTOMS, 25)}
    if given.other:
        beside[given.other_name] = build_cohort("acdc", given.other)
    for number, name in enumerate(NETS):
        segmenter = Segmenter.from_pretrained(given.output / name)
        held_out = real.where(lambda case, n=number: (case.patient or case.id) not in patients[n::2])
        tables = [
            (where, show(name, where, rows_of(segmenter, cohort)))
            for where, cohort in ({"Sunnybrook, the other half": held_out} | beside).items()
        ]
        add_to_card(given.output / name / "model" / "README.md", tables)


def phantoms(folder: Path, seed: int, patients: int, frames: int) -> Cohort:
    """A cohort of phantoms, made once."""
    phantom_folder = folder / f"phantoms-{seed}"
    if not phantom_folder.exists():
        write_cine(phantom_folder, CineOptions(patients=patients, seed=seed, frames=frames))
    return build_cohort("acdc", phantom_folder)


def learning(real: Cohort, mine: set[str], made: Cohort) -> Cohort:
    """Train: my real patients and most phantoms; val: the other phantoms; test: the other real patients."""
    cases = []
    for case in moved(real, made.root):
        split = "train" if (case.patient or case.id) in mine else "test"
        cases.append(case.model_copy(update={"split": split}))
    for number, case in enumerate(made):
        split = "val" if number % 10 == 0 else "train"
        name = f"{made.root.name}-{case.id}"
        cases.append(case.model_copy(update={"split": split, "id": name, "patient": name}))
    return Cohort(tuple(cases), made.root)


def rows_of(segmenter: Segmenter, cohort: Cohort) -> list[Measured]:
    """What was measured on every label map."""
    measured = measure(segmenter, units(cohort, MASKS), segmenter.contract.images, absent="unknown")
    return [row for _, unit in measured if isinstance(unit, Unit) for row in unit.rows]


def add_to_card(card: Path, tables: list[tuple[str, dict[str, str]]]) -> None:
    """Put a table of what was measured here at the end of a model card."""
    measures = list(dict.fromkeys(measure for _, texts in tables for measure in texts))
    lines = [[where, *(texts.get(measure, "-") for measure in measures)] for where, texts in tables]
    table = "\n".join(
        f"| {' | '.join(cells)} |" for cells in [["on", *measures], ["---"] * (1 + len(measures)), *lines]
    )
    text = card.read_text(encoding="utf-8").partition(HEADING)[0]
    card.write_text(f"{text.rstrip()}\n\n{HEADING}\n\n{table}\n", encoding="utf-8")


def show(name: str, where: str, rows: list[Measured]) -> dict[str, str]:
    """Print every patient; gives the means in words."""
    summary = SegmentSummary.of(rows, "lv", Drawn(len({row.patient for row in rows})))
    result = summary.results
    print(f"\n{name} on {where}: " + ", ".join(f"{key} {one['text']}" for key, one in result["classes"].items()))
    for row in rows:
        distance = f"HD95 {row.hd95_mm:5.1f} mm"
        print(f"  patient {row.patient} {row.mask} {row.name:11s} Dice {row.dice:.3f}  {distance}")
    for beat in summary.beats:
        found, truth = beat.predicted.ef_percent, beat.reference.ef_percent
        print(f"  patient {beat.patient} EF {found:5.1f} %, reference {truth:5.1f} %")
    words = {f"Dice {key}": one["text"] for key, one in result["classes"].items()}
    if summary.beats:
        ef = result["ejection_fraction"]
        mean, absolute = ef["mean_error_points"], ef["mean_absolute_error_points"]
        patients = f"({ef['patients']} of {ef['of_patients']} patients)"
        error = f"{'-' if absolute is None else f'{absolute:.1f}'} {patients}"
        print(f"  EF error in points: mean {'-' if mean is None else f'{mean:+.2f}'}, absolute {error}")
        words["EF, mean absolute error in points"] = error
    return words


if __name__ == "__main__":
    main()
