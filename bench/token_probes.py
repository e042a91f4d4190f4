"""What do the tokens of a cine know? Probes for the disease group and the ejection fraction, and search by tokens.

Phantoms of the five groups of ACDC, cropped to the heart, are embedded by a tokenizer (`vesalius embed MODEL
MANIFEST`). A logistic regression reads the group from these vectors, a ridge regression the ejection fraction of the
left ventricle; both are cross-validated by patient, and so are their penalties inside of each fold. Beside them stand
what needs no tokens: the commonest group or mean EF, and the same on five numbers of the pixels (mean, deviation, 1st
and 99th percentile, mean change from frame to frame).

Search: how many of the five most similar phantoms are of the group of the query, and how often a second picture of a
phantom (another crop and twice the noise, or the whole field) finds the first one.

The EF probe of all these pictures then reads real hearts whose masks give an EF; the group probe those whose group is
stated. Pooling and sizes of the vectors were chosen on phantoms of seed 11; figures are of another seed.

    python bench/token_probes.py MODEL -o WORK [--patients 150] [--seed 77] [--real FOLDER ...]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from vesalius.cohort.build import build_cohort
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.cohort.read import open_image, open_mask
from vesalius.metrics.bootstrap import patient_interval
from vesalius.metrics.cardiac import Pumping, voxel_ml
from vesalius.phantom.cine.options import GROUPS, CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.tasks.embed.run import embed
from vesalius.tasks.encode.collection import Collection, unit
from vesalius.tasks.encode.options import EmbedOptions

FOLDS, NEAREST = 5, 5
CAVITY = 3
FIRST = "cropped to the heart"
VIEWS = {
    FIRST: {"crop": (90, 104)},
    "another crop, twice the noise": {"crop": (110, 140), "noise": 0.06},
    "whole field": {},
}
Vectors = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Vectors of a cohort, (N, D), by what gives them, and the cohort."""

    cohort: Cohort
    inputs: dict[str, Vectors]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="model with a part called tokenizer")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms and vectors")
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--others", type=int, default=40, help="patients that have the other views, too")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="patients in the layout of ACDC")
    given = parser.parse_args()
    views: dict[str, Pictures] = {}
    efs: dict[str, Vectors] = {}
    for view, options in VIEWS.items():
        patients = given.patients if view == FIRST else min(given.others, given.patients)
        made = given.output / f"{view.split()[0]}-{given.seed}-{patients}"
        if not made.exists():
            facts = {"patients": patients, "seed": given.seed, "frames": 20, "variety": 1.0, **options}
            write_cine(made, CineOptions.build(**facts))
        views[view] = pictures(build_cohort("acdc", made), given.model, made.with_name(made.name + "-vectors"))
        truths = [json.loads((made / case.id / "truth.json").read_text()) for case in views[view].cohort]
        efs[view] = np.array([100 * truth["measured"]["lv_ef"] for truth in truths])
    first = views[FIRST]
    groups = groups_of(first.cohort)
    print(f"{len(groups)} phantoms of seed {given.seed}, {FIRST}; {FOLDS} folds of patients; intervals over patients")
    print(f"a vector of the tokens has {first.inputs['tokens'].shape[1]} numbers")
    show_groups(groups, first.inputs, given.seed)
    show_efs(efs[FIRST], first.inputs, given.seed)
    show_search(views, groups, given.seed)
    joined = {name: np.concatenate([view.inputs[name] for view in views.values()]) for name in first.inputs}
    known_efs = np.concatenate(list(efs.values()))
    known_groups = np.concatenate([groups_of(view.cohort) for view in views.values()])
    for folder in given.real:
        real = pictures(build_cohort("acdc", folder), given.model, given.output / f"{folder.name}-vectors")
        show_real(real, folder.name, joined, known_efs, known_groups)


def pictures(cohort: Cohort, model: str, store: Path) -> Pictures:
    manifest = write_manifest(cohort, store.with_suffix(".jsonl"), force=True)
    embed(manifest, store, model, EmbedOptions(cache=store.with_name("cache")), device="cpu")
    collection = Collection.open(store)
    rows = {case.id: collection.rows(case)[0] for case in collection.cohort}
    tokens = np.stack([rows[case.id] for case in cohort]).astype(np.float64)
    return Pictures(
        cohort, {"tokens": tokens, "five numbers of the pixels": np.stack([plain(cohort, c) for c in cohort])}
    )


def plain(cohort: Cohort, case: Case) -> NDArray[np.float64]:
    """Five numbers of a scan."""
    values_CTIJK = open_image(cohort, case, IMAGE).values()
    low, high = np.percentile(values_CTIJK, (0.1, 99.9))
    x = np.clip((values_CTIJK - low) / (high - low), 0, 1)
    change = float(np.abs(np.diff(x, axis=1)).mean())
    return np.array([x.mean(), x.std(), *np.percentile(x, (1, 99)), change])


def groups_of(cohort: Cohort) -> NDArray[np.str_]:
    return np.array([str(case.facts["group"]) for case in cohort])


def group_probe() -> GridSearchCV:
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return GridSearchCV(probe, {"logisticregression__C": np.logspace(-4, 0, 5)}, cv=4)


def ef_probe() -> Pipeline:
    return make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-1, 5, 13)))


def show_groups(groups: NDArray[np.str_], inputs: dict[str, Vectors], seed: int) -> None:
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    commonest = max(np.mean(groups == name) for name in GROUPS)
    print(f"\nGroup ({', '.join(GROUPS)}), share of patients that are right; the commonest group: {commonest:.3f}")
    for name, x_ND in inputs.items():
        read = cross_val_predict(group_probe(), x_ND, groups, cv=folds)
        print(f"  {name}: {interval((read == groups).astype(float), seed)}")
        if name == "tokens":
            for group in GROUPS:
                counts = ", ".join(f"{other} {np.sum(read[groups == group] == other)}" for other in GROUPS)
                print(f"    {group} is read as: {counts}")


def show_efs(efs: Vectors, inputs: dict[str, Vectors], seed: int) -> None:
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    guess = np.abs(efs - efs.mean())
    print(f"\nEF, mean absolute error in points; the mean EF of all: {interval(guess, seed)}")
    errors = {name: np.abs(cross_val_predict(ef_probe(), x_ND, efs, cv=folds) - efs) for name, x_ND in inputs.items()}
    for name, each in errors.items():
        print(f"  {name}: {interval(each, seed)}")
    for name, other in {"the mean EF": guess, **errors}.items():
        if name != "tokens":
            print(f"  tokens less {name}: {interval(errors['tokens'] - other, seed)}")


def show_search(views: dict[str, Pictures], groups: NDArray[np.str_], seed: int) -> None:
    first = views[FIRST]
    chance = np.mean([(groups == group).sum() - 1 for group in groups]) / (len(groups) - 1)
    print(f"\nSearch: share of the {NEAREST} most similar phantoms that are of the query's group; chance: {chance:.3f}")
    ends = {name: (x_ND.mean(0), x_ND.std(0)) for name, x_ND in first.inputs.items()}

    def directions(view: Pictures, name: str) -> Vectors:
        """Vectors as `vesalius search` compares them; five numbers are scaled by their spread."""
        mean, spread = (0.0, 1.0) if name == "tokens" else ends[name]
        return unit(((view.inputs[name] - mean) / spread).astype(np.float32)).astype(np.float64)

    for name in first.inputs:
        likeness_NN = directions(first, name) @ directions(first, name).T
        np.fill_diagonal(likeness_NN, -np.inf)
        nearest = np.argsort(-likeness_NN, axis=1)[:, :NEAREST]
        print(f"  {name}: {interval((groups[nearest] == groups[:, None]).mean(1), seed)}")
    numbers = {case.id: number for number, case in enumerate(first.cohort)}
    for title, view in views.items():
        if title == FIRST:
            continue
        sought = np.array([numbers[case.id] for case in view.cohort])
        print(f"\nSearch: how often the most similar of {len(groups)} phantoms is the query itself; query: {title}")
        for name in first.inputs:
            nearest = (directions(view, name) @ directions(first, name).T).argmax(1)
            print(f"  {name}: {interval((nearest == sought).astype(float), seed)} ({len(sought)} patients)")


def show_real(real: Pictures, title: str, inputs: dict[str, Vectors], efs: Vectors, groups: NDArray[np.str_]) -> None:
    """EF and group of real hearts, read by the probes of all phantoms."""
    read_efs = {name: ef_probe().fit(x_ND, efs).predict(real.inputs[name]) for name, x_ND in inputs.items()}
    read = group_probe().fit(inputs["tokens"], groups).predict(real.inputs["tokens"])
    print(f"\n{title}: EF by masks / {' / '.join(read_efs)}; group stated / read from tokens")
    errors: dict[str, list[float]] = {name: [] for name in (*read_efs, "mean EF of the phantoms")}
    for number, case in enumerate(real.cohort):
        known = ef_of_masks(real.cohort, case)
        shown = "unknown" if known is None else f"{known:.1f}"
        estimates = {name: float(values[number]) for name, values in read_efs.items()}
        words = " / ".join(f"{value:.1f}" for value in estimates.values())
        print(f"  {case.id}: {shown} / {words}; {case.facts.get('group', 'not stated')} / {read[number]}")
        if known is not None:
            for name, value in {**estimates, "mean EF of the phantoms": float(efs.mean())}.items():
                errors[name].append(abs(value - known))
    for name, values in errors.items():
        if values:
            print(f"  mean absolute error, {name}: {np.mean(values):.1f} points ({len(values)} patients)")


def ef_of_masks(cohort: Cohort, case: Case) -> float | None:
    """EF of the cavity in percent; None without both masks."""
    if not {"ED", "ES"} <= case.masks.keys():
        return None
    masks = {name: open_mask(cohort, case, name) for name in ("ED", "ES")}
    voxel = voxel_ml(masks["ED"].affine)
    volumes = {name: float((mask.values() == CAVITY).sum()) * voxel for name, mask in masks.items()}
    return Pumping(edv_ml=volumes["ED"], esv_ml=volumes["ES"]).ef_percent


def interval(values: Vectors, seed: int) -> str:
    bounds = patient_interval(values.tolist(), seed=seed)
    return f"{np.mean(values):.3f}" + ("" if bounds is None else f" ({bounds.low:.3f} to {bounds.high:.3f})")


if __name__ == "__main__":
    main()
