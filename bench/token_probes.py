"""What do the tokens of a cine know? Probes for the disease group and the ejection fraction, and search by tokens.

Phantoms of the five groups of ACDC, cropped to the heart, some of them seen otherwise as well (another crop and twice
the noise, the whole field), are embedded by a tokenizer (`vesalius embed MODEL MANIFEST`). A logistic regression reads
the group from these vectors, a ridge regression the ejection fraction of the left ventricle; both are cross-validated
by patient, penalties are chosen among the other patients. Beside them stands what needs no tokens: the commonest group
or mean EF, and the same on five numbers of the pixels (mean, deviation, 1st and 99th percentile, mean change from frame
to frame).

Search: how many of the five most similar phantoms are of the group of the query, and how often a heart that is seen
otherwise finds itself.

The EF probe of all these pictures then reads real hearts whose masks give an EF; the group probe those whose group is
stated. Pooling and sizes of the vectors were chosen on phantoms of seed 11, how far the centre of motion is looked for
also on the masks of the Sunnybrook hearts; figures are of another seed.

    python bench/token_probes.py MODEL -o WORK [--patients 150] [--seed 77] [--real FOLDER ...]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedGroupKFold, cross_val_predict
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
VIEWS: dict[str, dict[str, Any]] = {
    FIRST: {"crop": (90, 104)},
    "another crop, twice the noise": {"crop": (110, 140), "noise": 0.06},
    "whole field": {},
}
Vectors = NDArray[np.float64]


INPUTS = ("tokens", "five numbers of the pixels")


@dataclass(frozen=True, eq=False)
class Pictures:
    """A cohort, vectors of its N cases, (N, D), by what gives them, and what is known of each."""

    cohort: Cohort
    inputs: dict[str, Vectors]
    groups: NDArray[np.str_]
    efs: Vectors

    @property
    def patients(self) -> NDArray[np.str_]:
        return np.array([case.patient for case in self.cohort])


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
    for view, options in VIEWS.items():
        patients = given.patients if view == FIRST else min(given.others, given.patients)
        made = given.output / f"{view.split()[0]}-{given.seed}-{patients}"
        if not made.exists():
            facts = {"patients": patients, "seed": given.seed, "frames": 20, "variety": 1.0, **options}
            write_cine(made, CineOptions.build(**facts))
        views[view] = phantoms(made, given.model)
    counts = ", ".join(f"{len(view.efs)} {title}" for title, view in views.items())
    print(f"Phantoms of seed {given.seed}: {counts}; {FOLDS} folds of patients; intervals over patients")
    print(f"A vector of the tokens has {views[FIRST].inputs['tokens'].shape[1]} numbers")
    for learnt in ({FIRST: views[FIRST]}, views):
        print(f"\nProbes that learn from: {'; '.join(learnt)}")
        show_groups(learnt, given.seed)
        show_efs(learnt, given.seed)
    show_search(views, given.seed)
    for folder in given.real:
        show_real(real(folder, given.model, given.output), folder.name, views)


def phantoms(made: Path, model: str) -> Pictures:
    cohort = build_cohort("acdc", made)
    truths = [json.loads((made / case.id / "truth.json").read_text()) for case in cohort]
    efs = np.array([100 * truth["measured"]["lv_ef"] for truth in truths])
    return Pictures(cohort, vectors(cohort, model, made.with_name(made.name + "-vectors")), groups_of(cohort), efs)


def real(folder: Path, model: str, output: Path) -> Pictures:
    """Real hearts; an EF that masks do not give is NaN."""
    cohort = build_cohort("acdc", folder)
    efs = np.array([ef_of_masks(cohort, case) for case in cohort])
    return Pictures(cohort, vectors(cohort, model, output / f"{folder.name}-vectors"), groups_of(cohort), efs)


def vectors(cohort: Cohort, model: str, store: Path) -> dict[str, Vectors]:
    manifest = write_manifest(cohort, store.with_suffix(".jsonl"), force=True)
    embed(manifest, store, model, EmbedOptions(cache=store.with_name("cache")), device="cpu")
    collection = Collection.open(store)
    rows = {case.id: collection.rows(case)[0] for case in collection.cohort}
    tokens_ND = np.stack([rows[case.id] for case in cohort]).astype(np.float64)
    return dict(zip(INPUTS, (tokens_ND, np.stack([plain(cohort, case) for case in cohort])), strict=True))


def inputs_of(views: dict[str, Pictures], name: str) -> Vectors:
    return np.concatenate([view.inputs[name] for view in views.values()])


def joined(views: dict[str, Pictures], what: Literal["groups", "efs", "patients"]) -> NDArray[Any]:
    return np.concatenate([getattr(view, what) for view in views.values()])


def parts(views: dict[str, Pictures]) -> dict[str, slice]:
    """Where the rows of each view lie among the joined ones."""
    ends = np.cumsum([0, *(len(view.efs) for view in views.values())])
    return {title: slice(*ends[n : n + 2].tolist()) for n, title in enumerate(views)}


def plain(cohort: Cohort, case: Case) -> NDArray[np.float64]:
    """Five numbers of a scan."""
    values_CTIJK = open_image(cohort, case, IMAGE).values()
    low, high = np.percentile(values_CTIJK, (0.1, 99.9))
    x = np.clip((values_CTIJK - low) / (high - low), 0, 1)
    change = float(np.abs(np.diff(x, axis=1)).mean())
    return np.array([x.mean(), x.std(), *np.percentile(x, (1, 99)), change])


def groups_of(cohort: Cohort) -> NDArray[np.str_]:
    return np.array([str(case.facts.get("group", "not stated")) for case in cohort])


def group_probe() -> GridSearchCV:
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return GridSearchCV(probe, {"logisticregression__C": np.logspace(-4, 0, 5)}, cv=4)


def ef_probe() -> Pipeline:
    return make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-1, 5, 13)))


def show_groups(views: dict[str, Pictures], seed: int) -> None:
    groups, patients = joined(views, "groups"), joined(views, "patients")
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    commonest = max(np.mean(views[FIRST].groups == name) for name in GROUPS)
    print(f"Group ({', '.join(GROUPS)}), share of patients that are right; the commonest group: {commonest:.3f}")
    for name in INPUTS:
        read = cross_val_predict(group_probe(), inputs_of(views, name), groups, groups=patients, cv=folds)
        for title, part in parts(views).items():
            print(f"  {name}, {title}: {interval((read[part] == groups[part]).astype(float), seed)}")
        if name == "tokens":
            for group in GROUPS:
                rows = read[parts(views)[FIRST]][views[FIRST].groups == group]
                print(f"    {group} is read as: {', '.join(f'{other} {np.sum(rows == other)}' for other in GROUPS)}")


def show_efs(views: dict[str, Pictures], seed: int) -> None:
    efs, patients = joined(views, "efs"), joined(views, "patients")
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    print("EF, mean absolute error in points")
    errors = {"the mean EF of all": np.abs(efs - views[FIRST].efs.mean())}
    for name in INPUTS:
        read = cross_val_predict(ef_probe(), inputs_of(views, name), efs, groups=patients, cv=folds)
        errors[name] = np.abs(read - efs)
    for title, part in parts(views).items():
        for name, each in errors.items():
            less = "" if name == "tokens" else f"; tokens less this: {interval((errors['tokens'] - each)[part], seed)}"
            print(f"  {title}, {name}: {interval(each[part], seed)}{less}")


def show_search(views: dict[str, Pictures], seed: int) -> None:
    first, groups = views[FIRST], views[FIRST].groups
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


def show_real(hearts: Pictures, title: str, views: dict[str, Pictures]) -> None:
    """EF and group of real hearts, read by the probes of all phantoms."""
    efs, groups = joined(views, "efs"), joined(views, "groups")
    reads = {name: ef_probe().fit(inputs_of(views, name), efs).predict(hearts.inputs[name]) for name in INPUTS}
    reads["mean EF of the phantoms"] = np.full(len(hearts.efs), views[FIRST].efs.mean())
    read = group_probe().fit(inputs_of(views, "tokens"), groups).predict(hearts.inputs["tokens"])
    print(f"\n{title}: EF by masks / {' / '.join(reads)}; group stated / read from tokens")
    for number, case in enumerate(hearts.cohort):
        words = " / ".join(f"{values[number]:.1f}" for values in (hearts.efs, *reads.values()))
        print(f"  {case.id}: {words}; {hearts.groups[number]} / {read[number]}")
    known = np.isfinite(hearts.efs)
    for name, values in reads.items():
        error = np.abs(values - hearts.efs)[known].mean()
        print(f"  mean absolute error, {name}: {error:.1f} points ({known.sum()} hearts)")


def ef_of_masks(cohort: Cohort, case: Case) -> float:
    """EF of the cavity in percent; NaN without both masks."""
    if not {"ED", "ES"} <= case.masks.keys():
        return float("nan")
    masks = {name: open_mask(cohort, case, name) for name in ("ED", "ES")}
    voxel = voxel_ml(masks["ED"].affine)
    volumes = {name: float((mask.values() == CAVITY).sum()) * voxel for name, mask in masks.items()}
    return Pumping(edv_ml=volumes["ED"], esv_ml=volumes["ES"]).ef_percent


def interval(values: Vectors, seed: int) -> str:
    bounds = patient_interval(values.tolist(), seed=seed)
    return f"{np.mean(values):.3f}" + ("" if bounds is None else f" ({bounds.low:.3f} to {bounds.high:.3f})")


if __name__ == "__main__":
    main()
