"""Trains the two cine segmenters that come with the package and measures each on hearts that it has not seen.

Each net learns from cine phantoms of its own seed (whole fields and cut-outs, fine and coarse pixels, little and much
noise) and from its own half of the Sunnybrook patients (CC0), and is tested on the other half. Then it is measured on
new phantoms, one for each combination of group, view, pixel size and noise, and on other cine data (ACDC: only measured
on, never trained on, and a reason to choose nothing but the share in `infer.walls`, see docs/segmentation.md). Choices
are made with `--strata-seed 8`, the cards state what seed 9 gives.

    python bench/cine_segmenters.py SUNNYBROOK -o WORK [--other ACDC] [train.epochs=40 ...]
    python bench/cine_segmenters.py SUNNYBROOK -o WORK --measure segment/cine_unet   # a model as it is, no training
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, write_manifest
from vesalius.metrics.drawn import Drawn
from vesalius.metrics.masks import Measured
from vesalius.phantom.cine.options import GROUPS, CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.tasks.segment.labels import units
from vesalius.tasks.segment.outcome import SegmentSummary, Unit, beats, measure
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.train.run import train

NETS = ("cine_segresnet", "cine_unet")
"""Net number n learns from every second patient, from patient n on, and from phantoms of seeds 10 (n + 1) on."""
PHANTOMS = 120
LEARNED = {
    "field": {"size": 224, "fov_mm": (290, 400), "noise": 0.03, "shading": 1.5},
    "wide": {"size": 256, "fov_mm": (320, 420), "noise": 0.06, "flow": 2},
    "fine": {"size": 240, "fov_mm": (290, 360), "noise": 0.04, "crop": (84, 124)},
    "coarse": {"size": 192, "fov_mm": (300, 370), "noise": 0.03, "crop": (72, 108)},
    "noisy": {"size": 208, "fov_mm": (290, 380), "noise": 0.09, "crop": (80, 120), "shading": 2, "flow": 2},
}
"""Cohorts of phantoms to learn from -> options; a fifth of the phantoms each."""
COPIES = 6
"""So many phantoms are worth an entry of each real patient in the manifest."""
VIEWS = {"field": {}, "crop": {"crop": (90, 104)}}
PIXELS = {"fine": {"size": 256, "fov_mm": (300, 360)}, "coarse": {"size": 184, "fov_mm": (300, 330)}}
NOISE = {"clean": 0.02, "noisy": 0.08}
MASKS = ("ED", "ES")
HEADING = "## Measured on other cases by bench/cine_segmenters.py"
WORST = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sunnybrook", type=Path, help="patients in the layout of ACDC")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms, manifests and runs")
    parser.add_argument("--other", type=Path, help="more patients in the layout of ACDC, to measure on only")
    parser.add_argument("--other-name", default="ACDC", help="what it is called in the cards")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=NETS, help="which of the two")
    parser.add_argument("--measure", nargs="+", default=(), help="models to measure instead of training")
    parser.add_argument("--strata-seed", type=int, default=9, help="of the phantoms to measure on")
    parser.add_argument("overrides", nargs="*", help="a.b=value for the trainings")
    given = parser.parse_intermixed_args()
    real = build_cohort("acdc", given.sunnybrook)
    patients = sorted({case.patient or case.id for case in real})
    for name in () if given.measure else given.nets:
        number = NETS.index(name)
        manifest = given.output / f"{name}.jsonl"
        if not manifest.exists():
            write_manifest(learning(real, set(patients[number::2]), given.output, number + 1), manifest)
        run = given.output / name
        train(f"segment/{name}", run, [f"data.manifest={manifest}", *given.overrides], resume=True, progress=print)
    for model in given.measure or [str(given.output / name) for name in given.nets]:
        name = Path(model).name
        known = set(patients[NETS.index(name) :: 2]) if name in NETS else set()
        held_out = real.where(lambda case, known=known: (case.patient or case.id) not in known)
        segmenter = Segmenter.from_pretrained(model)
        tables = [("Sunnybrook, the other half", show(name, "Sunnybrook", rows_of(segmenter, held_out)))]
        tables += strata(name, segmenter, given.output, given.strata_seed)
        if given.other:
            others = rows_of(segmenter, build_cohort("acdc", given.other))
            tables.append((given.other_name, show(name, given.other_name, others)))
        if not given.measure:
            add_to_card(given.output / name / "model" / "README.md", tables)


def phantoms(folder: Path, options: CineOptions) -> Cohort:
    """A cohort of phantoms, made once."""
    if not folder.exists():
        write_cine(folder, options)
    return build_cohort("acdc", folder)


def learning(real: Cohort, mine: set[str], folder: Path, seed: int) -> Cohort:
    """Train: my real patients, each several times, and most phantoms; val: other phantoms; test: other patients."""
    cases = []
    for case in moved(real, folder):
        is_mine = (case.patient or case.id) in mine
        for copy in range(PHANTOMS // COPIES if is_mine else 1):
            name = f"{case.id}-{copy}" if copy else case.id
            cases.append(case.model_copy(update={"split": "train" if is_mine else "test", "id": name}))
    for index, (kind, options) in enumerate(LEARNED.items()):
        own_seed = 10 * seed + index  # other hearts in each cohort
        wanted = CineOptions.build(patients=PHANTOMS // len(LEARNED), seed=own_seed, frames=8, variety=1, **options)
        made = phantoms(folder / f"learned-{own_seed}-{kind}", wanted)
        for number, case in enumerate(moved(made, folder)):
            name = f"{kind}-{case.id}"
            split = "val" if number == len(made) - 1 else "train"
            cases.append(case.model_copy(update={"split": split, "id": name, "patient": name}))
    return Cohort(tuple(cases), folder)


def rows_of(segmenter: Segmenter, cohort: Cohort) -> list[Measured]:
    """What was measured on every label map."""
    measured = measure(segmenter, units(cohort, MASKS), segmenter.contract.images, absent="unknown")
    return [row for _, unit in measured if isinstance(unit, Unit) for row in unit.rows]


def strata(name: str, segmenter: Segmenter, folder: Path, seed: int) -> list[tuple[str, dict[str, str]]]:
    """Measure on one new phantom of every group, view, pixel size and noise; give the tables of each value of each.

    A stratum is all phantoms that share a value; its Dice of the cavity is a mean over its label maps.
    """
    rows: dict[tuple[str, ...], list[Measured]] = {}
    for view, pixels, noise in product(VIEWS, PIXELS, NOISE):
        options = CineOptions.build(
            patients=len(GROUPS), seed=seed, frames=8, variety=1, noise=NOISE[noise], **VIEWS[view], **PIXELS[pixels]
        )
        cohort = phantoms(folder / f"strata-{seed}-{view}-{pixels}-{noise}", options)
        for case, group in zip(cohort, GROUPS, strict=True):
            one = cohort.where(lambda other, wanted=case.id: other.id == wanted)
            rows[group, view, pixels, noise] = rows_of(segmenter, one)
    cells = sorted(rows, key=lambda cell: float(np.mean(list(dice(rows[cell], "lv")))))
    print(f"\n{name} on phantoms of seed {seed}, worst first:")
    for cell in cells:
        words = ", ".join(f"{what} {np.mean(list(dice(rows[cell], what))):.3f}" for what in ("lv", "myocardium", "rv"))
        lv = {row.mask: row.dice for row in rows[cell] if row.name == "lv"}
        print(f"  {' '.join(cell):24s} Dice {words}; lv at ED {lv['ED']:.3f}, ES {lv['ES']:.3f}; EF {ef(rows[cell])}")
    tables = []
    for number, values in enumerate((GROUPS, VIEWS, PIXELS, NOISE)):
        for value in values:
            here = [rows[cell] for cell in cells if cell[number] == value]
            tables.append((f"new phantoms, {value}", summary(here)))
    tables.append((f"new phantoms, the worst {WORST} of {len(cells)}", summary([rows[cell] for cell in cells[:WORST]])))
    for where, texts in tables:
        print(f"  {where}: " + ", ".join(f"{key} {text}" for key, text in texts.items()))
    return tables


def dice(rows: Iterable[Measured], name: str) -> Iterator[float]:
    """Dice of a class in every label map."""
    return (row.dice for row in rows if row.name == name)


def summary(hearts: list[list[Measured]]) -> dict[str, str]:
    """Means of several hearts in words, as in the other tables."""
    words = {}
    for name in ("myocardium", "lv", "rv"):
        words[f"Dice {name}"] = f"{np.mean([value for rows in hearts for value in dice(rows, name)]):.3f}"
    errors = [abs(one.predicted.ef_percent - one.reference.ef_percent) for rows in hearts for one in beats(rows, "lv")]
    words["EF, mean absolute error in points"] = f"{np.mean(errors):.1f} ({len(errors)} patients)"
    return words


def ef(rows: list[Measured]) -> str:
    (beat,) = beats(rows, "lv")
    return f"{beat.predicted.ef_percent:.1f} % of {beat.reference.ef_percent:.1f} %"


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
    of_all = SegmentSummary.of(rows, "lv", Drawn(len({row.patient for row in rows})))
    result = of_all.results
    print(f"\n{name} on {where}: " + ", ".join(f"{key} {one['text']}" for key, one in result["classes"].items()))
    for row in rows:
        distance = f"HD95 {row.hd95_mm:5.1f} mm"
        print(f"  patient {row.patient} {row.mask} {row.name:11s} Dice {row.dice:.3f}  {distance}")
    for beat in of_all.beats:
        found, truth = beat.predicted.ef_percent, beat.reference.ef_percent
        print(f"  patient {beat.patient} EF {found:5.1f} %, reference {truth:5.1f} %")
    words = {f"Dice {key}": one["text"] for key, one in result["classes"].items()}
    if of_all.beats:
        measured = result["ejection_fraction"]
        mean, absolute = measured["mean_error_points"], measured["mean_absolute_error_points"]
        patients = f"({measured['patients']} of {measured['of_patients']} patients)"
        error = f"{'-' if absolute is None else f'{absolute:.1f}'} {patients}"
        print(f"  EF error in points: mean {'-' if mean is None else f'{mean:+.2f}'}, absolute {error}")
        truths = np.array([beat.reference.ef_percent for beat in of_all.beats])
        guess = float(np.abs(truths - np.median(truths)).mean())
        print(f"  the same of one guess for all, the best there is ({np.median(truths):.1f} %): {guess:.1f}")
        words["EF, mean absolute error in points"] = error
        words["the same of the best single guess"] = f"{guess:.1f}"
    return words


if __name__ == "__main__":
    main()
