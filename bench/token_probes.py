"""What do the tokens of a cine know? Probes for the disease group and the ejection fraction.

Phantoms of the five groups of ACDC are embedded by a tokenizer (`vesalius embed MODEL MANIFEST --pool mean`). A
logistic regression reads the group from these vectors, a ridge regression the ejection fraction of the left ventricle;
both are cross-validated by patient. Beside them stand what needs no tokens: the commonest group or mean EF, and the
same probes on five numbers of the pixels (mean, deviation, 1st and 99th percentile, mean change from frame to frame).
The EF probe of all phantoms then reads real hearts whose masks give an EF; the group probe those whose group is stated.

    python bench/token_probes.py MODEL -o WORK [--patients 100] [--real FOLDER ...]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
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
from vesalius.tasks.encode.collection import Collection
from vesalius.tasks.encode.options import EmbedOptions

SEED, FOLDS = 77, 5
CAVITY = 3
Vectors = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="model with a part called tokenizer")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms and vectors")
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="patients in the layout of ACDC")
    given = parser.parse_args()
    made = given.output / f"phantoms-{given.patients}"
    if not made.exists():
        write_cine(made, CineOptions(patients=given.patients, seed=SEED, size=160, frames=20), progress=print)
    phantoms = build_cohort("acdc", made)
    tokens, pixels = vectors(phantoms, given.model, made.with_name(made.name + "-vectors"))
    truth = [json.loads((made / case.id / "truth.json").read_text()) for case in phantoms]
    efs = np.array([100 * one["measured"]["lv_ef"] for one in truth])
    groups = np.array([str(case.facts["group"]) for case in phantoms])
    print(f"\n{len(phantoms)} phantoms, {tokens.shape[1]} numbers of the tokens of each, {FOLDS} folds of patients")
    show_groups(groups, {"tokens": tokens, "five numbers of the pixels": pixels})
    show_efs(efs, {"tokens": tokens, "five numbers of the pixels": pixels})
    for folder in given.real:
        real = build_cohort("acdc", folder)
        real_tokens, real_pixels = vectors(real, given.model, given.output / f"{folder.name}-vectors")
        show_real(real, folder.name, (tokens, real_tokens), (pixels, real_pixels), efs, groups)


def vectors(cohort: Cohort, model: str, store: Path) -> tuple[Vectors, Vectors]:
    """Vectors of the tokens, one for each case, and five numbers of the pixels."""
    manifest = write_manifest(cohort, store.with_suffix(".jsonl"), force=True)
    embed(manifest, store, model, EmbedOptions(pool="mean", cache=store.with_name("cache")), device="cpu")
    collection = Collection.open(store)
    rows = {case.id: collection.rows(case)[0] for case in collection.cohort}
    return np.stack([rows[case.id] for case in cohort]).astype(np.float64), np.stack([plain(cohort, c) for c in cohort])


def plain(cohort: Cohort, case: Case) -> NDArray[np.float64]:
    """Five numbers of a scan."""
    values_CTIJK = open_image(cohort, case, IMAGE).values()
    low, high = np.percentile(values_CTIJK, (0.1, 99.9))
    x = np.clip((values_CTIJK - low) / (high - low), 0, 1)
    change = float(np.abs(np.diff(x, axis=1)).mean())
    return np.array([x.mean(), x.std(), *np.percentile(x, (1, 99)), change])


def group_probe() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=np.logspace(-4, 1, 6), max_iter=2000))


def ef_probe() -> Pipeline:
    return make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-1, 5, 13)))


def show_groups(groups: NDArray[np.str_], inputs: dict[str, Vectors]) -> None:
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    commonest = max(np.mean(groups == name) for name in GROUPS)
    print(f"\nGroup ({', '.join(GROUPS)}), share of patients that are right; the commonest group: {commonest:.3f}")
    for name, x_ND in inputs.items():
        right = (cross_val_predict(group_probe(), x_ND, groups, cv=folds) == groups).astype(float)
        print(f"  {name}: {interval(right)}")


def show_efs(efs: Vectors, inputs: dict[str, Vectors]) -> None:
    folds = KFold(FOLDS, shuffle=True, random_state=SEED)
    print(f"\nEF, mean absolute error in points; the mean EF of all: {np.abs(efs - efs.mean()).mean():.2f}")
    for name, x_ND in inputs.items():
        errors = np.abs(cross_val_predict(ef_probe(), x_ND, efs, cv=folds) - efs)
        print(f"  {name}: {interval(errors)}")


def show_real(
    real: Cohort,
    name: str,
    tokens: tuple[Vectors, Vectors],
    pixels: tuple[Vectors, Vectors],
    efs: Vectors,
    groups: NDArray[np.str_],
) -> None:
    """EF and group of real hearts, read by the probes of all phantoms."""
    by_tokens = ef_probe().fit(tokens[0], efs).predict(tokens[1])
    by_pixels = ef_probe().fit(pixels[0], efs).predict(pixels[1])
    read = group_probe().fit(tokens[0], groups).predict(tokens[1])
    print(f"\n{name}: EF by masks / tokens / five numbers of the pixels; group stated / read")
    errors: dict[str, list[float]] = {"tokens": [], "pixels": [], "mean EF of the phantoms": []}
    for number, case in enumerate(real):
        known = ef_of_masks(real, case)
        shown = "unknown" if known is None else f"{known:.1f}"
        stated = case.facts.get("group", "not stated")
        print(f"  {case.id}: {shown} / {by_tokens[number]:.1f} / {by_pixels[number]:.1f}; {stated} / {read[number]}")
        if known is not None:
            errors["tokens"].append(abs(by_tokens[number] - known))
            errors["pixels"].append(abs(by_pixels[number] - known))
            errors["mean EF of the phantoms"].append(abs(efs.mean() - known))
    for what, values in errors.items():
        if values:
            print(f"  mean absolute error, {what}: {np.mean(values):.1f} points ({len(values)} patients)")


def ef_of_masks(cohort: Cohort, case: Case) -> float | None:
    """EF of the cavity in percent; None without both masks."""
    if not {"ED", "ES"} <= case.masks.keys():
        return None
    masks = {name: open_mask(cohort, case, name) for name in ("ED", "ES")}
    voxel = voxel_ml(masks["ED"].affine)
    volumes = {name: float((mask.values() == CAVITY).sum()) * voxel for name, mask in masks.items()}
    return Pumping(edv_ml=volumes["ED"], esv_ml=volumes["ES"]).ef_percent


def interval(values: Sequence[float] | Vectors) -> str:
    found = patient_interval(list(values), seed=SEED)
    return f"{np.mean(values):.3f}" + ("" if found is None else f" ({found.low:.3f} to {found.high:.3f})")


if __name__ == "__main__":
    main()
