"""Trains detection on head CT phantoms in two steps, and measures it on phantom patients that it has not seen.

Step 1 trains an encoder on slices (finetune/head_ct_phantom), step 2 a head on the frozen encoder
(detect/head_ct_phantom). Measured on patients of another seed, each beside what knows nothing of either step: the
AUROC of studies beside that of the volume of 50 to 90 HU inside the skull; how often the peak of the heat map touches
the bleed beside a random patch of the brain and beside the brightest spot of the brain.

    python bench/head_ct_phantom.py -o WORK [--patients 100] [--unseen 80] [--ship FOLDER] [train.epochs=2 ...]

Letters: S studies, C classes, B slices from below upwards, J rows, I columns, H W patches down and across.
"""

from __future__ import annotations

import argparse
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vesalius.cohort.build import build_cohort
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.cohort.read import open_image, open_mask
from vesalius.metrics.bootstrap import clustered_intervals
from vesalius.metrics.classify import rank_classes
from vesalius.phantom.head_ct.labels import LABELS
from vesalius.phantom.head_ct.options import BleedRates, HeadCtOptions
from vesalius.phantom.head_ct.write import write_head_ct
from vesalius.tasks.detect.predict import Detector
from vesalius.tasks.encode.sheet import peak
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.train.run import train
from vesalius.transforms.view import to_view, view_of

UNSEEN_SEED = 2
MATRIX = 160
PREVALENCE = BleedRates(
    any=0.6, epidural=0.15, intraparenchymal=0.2, intraventricular=0.15, subarachnoid=0.2, subdural=0.2
)
"""More bleeds than usual, so that the unseen patients hold enough of each type."""
TO_LEARN = BleedRates(
    any=0.8, epidural=0.25, intraparenchymal=0.3, intraventricular=0.35, subarachnoid=0.4, subdural=0.3
)
"""Still more of them: what is rare and faint is learned last."""
LEARNING = {1: PREVALENCE, 11: TO_LEARN, 12: TO_LEARN}
"""Seed -> how often each type occurs."""
HELD_OUT_SHARE = 5
"""Every such patient is validated on."""
HEADING = "## Measured on unseen phantoms by bench/head_ct_phantom.py"
BLOOD_HU, BONE_HU = (50.0, 90.0), 300.0
GAP_MM, RIM_MM, SMOOTH_MM, GROWN_MM = 6.0, 4.0, 2.0, 5.0
"""Bridged in the skull; of the brain beneath it where the brightest spot is not sought; its blur; round the bleed."""


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What was found of one study.

    Args:
        p_C: probabilities of the study.
        blood_ml: volume of 50 to 90 HU inside the skull.
        hit: whether the peak of the heat map touches the bleed; None without a bleed.
        chance: how probable it is that a random patch of the brain does, in the same slice.
        brightest: whether the patch with the brightest spot does.
    """

    p_C: NDArray[np.float64]
    blood_ml: float
    hit: bool | None
    chance: float | None
    brightest: bool | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms, manifest and runs")
    parser.add_argument("--patients", type=int, default=100, help="phantoms to learn from, of each of three seeds")
    parser.add_argument("--unseen", type=int, default=80, help="phantoms to measure on")
    parser.add_argument("--ship", type=Path, help="folder that the measured model with its encoder is copied to")
    parser.add_argument("overrides", nargs="*", help="a.b=value for the training of the encoder")
    given = parser.parse_args()
    out: Path = given.output
    with ProcessPoolExecutor() as pool:
        runs = [(out, seed, prevalence, given.patients) for seed, prevalence in LEARNING.items()]
        *learning, unseen = pool.map(phantoms, *zip(*runs, (out, UNSEEN_SEED, PREVALENCE, given.unseen), strict=True))
    encoder, run = out / "encoder", out / "head_ct_phantom"
    manifests = [out / f"learning-{seed}.jsonl" for seed in LEARNING]
    for manifest, cohort in zip(manifests, learning, strict=True):
        if not manifest.exists():
            write_manifest(split(cohort), manifest)
    words = [f"data.manifest=[{','.join(map(str, manifests))}]", f"data.cache={out / 'cache'}"]
    seconds = took("step 1", "finetune/head_ct_phantom", encoder, [*words, *given.overrides])
    seconds += took("step 2", "detect/head_ct_phantom", run, [*words, f"data.encoder={encoder}"])
    print(f"both steps: {seconds / 60:.1f} minutes of processor; more where a run was there already")
    table = table_of(unseen, measure_all(unseen, run / "model"))
    for row in table:
        print("  ".join(f"{cell:36s}" for cell in row))
    text = "\n".join(f"| {' | '.join(row)} |" for row in [table[0], ["---"] * len(table[0]), *table[1:]])
    how = (
        f"{len(unseen)} studies of {given.unseen} phantom patients of another seed, {PREVALENCE.any:.0%} of them with "
        "a bleed, more than in a hospital; intervals: patient bootstrap, 95 %. The heat map is hit where its peak "
        f"touches the bleed grown by {GROWN_MM:g} mm."
    )
    for card in (run / "model" / "README.md", encoder / "model" / "README.md"):
        before = card.read_text(encoding="utf-8").partition(HEADING)[0].rstrip()
        card.write_text(f"{before}\n\n{HEADING}\n\n{how}\n\n{text}\n", encoding="utf-8")
    if given.ship:
        shutil.copytree(run / "model", given.ship, dirs_exist_ok=True)


def phantoms(out: Path, seed: int, prevalence: BleedRates, patients: int) -> Cohort:
    """A cohort of phantoms with their masks, made once; no two seeds share a name of a patient."""
    folder = out / f"phantoms-{seed}"
    if not folder.exists():
        write_head_ct(folder, HeadCtOptions(seed=seed, matrix=MATRIX, prevalence=prevalence), patients)
    cohort = build_cohort("rsna-ich", folder, ["table=series.csv"])
    cases = []
    for case in cohort:
        name = case.images[IMAGE].removesuffix(".nii.gz")
        changes = {"id": f"{seed}-{name}", "patient": f"{seed}-{case.patient}", "masks": {MASK: f"{name}_mask.nii.gz"}}
        cases.append(case.model_copy(update=changes))
    return Cohort(tuple(cases), cohort.root)


def split(cohort: Cohort) -> Cohort:
    """Every fifth patient to validate on; the unseen ones are other phantoms."""
    numbers = {patient: n for n, patient in enumerate(dict.fromkeys(case.patient for case in cohort))}
    cases = [
        case.model_copy(update={"split": "train" if numbers[case.patient] % HELD_OUT_SHARE else "val"})
        for case in cohort
    ]
    return Cohort(tuple(cases), cohort.root)


def took(what: str, config: str, run: Path, words: list[str]) -> float:
    """Train, resuming; tells the seconds and gives those of the processor."""
    start, cpu = time.monotonic(), time.process_time()
    train(config, run, words, resume=True, progress=print)
    used = time.process_time() - cpu
    print(f"{what}: {time.monotonic() - start:.0f} s, {used:.0f} s of processor", flush=True)
    return used


def measure_all(cohort: Cohort, model: Path) -> list[StudyResult]:
    """Every study through the shipped model."""
    detector = Detector(model)
    results = []
    for number, case in enumerate(cohort, start=1):
        results.append(measure_study(cohort, case, detector))
        if number % 20 == 0:
            print(f"{number} of {len(cohort)} studies", flush=True)
    return results


def measure_study(cohort: Cohort, case: Case, detector: Detector) -> StudyResult:
    """One study: what the model says, as `vesalius predict` shows it, and what the baselines say."""
    scan = open_image(cohort, case, IMAGE)
    slices = Slices.of(scan, detector.encoder.contract.prepare)
    found = detector(slices)
    down_mm, across_mm = view_of(scan, "axial").spacing_mm or (1.0, 1.0)
    thick_mm = (scan.spacing_mm or (1.0, 1.0, 1.0))[2]
    hu_BJI = to_view(scan, "axial")[:, 0]
    inside_BJI = inside_skull(hu_BJI, (down_mm, across_mm))
    blood = inside_BJI & (hu_BJI >= BLOOD_HU[0]) & (hu_BJI <= BLOOD_HU[1])
    blood_ml = float(blood.sum()) * down_mm * across_mm * thick_mm / 1000
    mask_BJI = to_view(open_mask(cohort, case, MASK), "axial")[:, 0] > 0
    if not mask_BJI.any():
        return StudyResult(found.whole_C, blood_ml, None, None, None)
    c = detector.calibration.leading(found.whole_C)
    top = int(found.numbers[found.slices_LC[:, c].argmax()])
    heat_HW = detector.patch_logits(detector.encoder.patches(slices, top), c)
    touches_BHW = np.stack([touched(mask_JI, heat_HW.shape, (down_mm, across_mm)) for mask_JI in mask_BJI])
    brain_HW = by_patch(inside_BJI[top], heat_HW.shape).mean(axis=-1) >= 0.5
    smooth = ndimage.gaussian_filter(hu_BJI, (0, SMOOTH_MM / down_mm, SMOOTH_MM / across_mm))
    deep_BJI = np.stack([shrunk(inside_JI, (down_mm, across_mm)) for inside_JI in inside_BJI])
    b, j, i = np.unravel_index(np.where(deep_BJI, smooth, -np.inf).argmax(), smooth.shape)
    row, column = j * heat_HW.shape[0] // smooth.shape[1], i * heat_HW.shape[1] // smooth.shape[2]
    chance = float(touches_BHW[top][brain_HW].mean()) if brain_HW.any() else 0.0
    return StudyResult(
        found.whole_C, blood_ml, bool(touches_BHW[top][peak(heat_HW)]), chance, bool(touches_BHW[b, row, column])
    )


def by_patch(x_JI: NDArray[Any], grid: tuple[int, ...]) -> NDArray[Any]:
    """Pixels of each patch, shape (H, W, pixels)."""
    rows, columns = (np.arange(size) * count // size for size, count in zip(x_JI.shape, grid, strict=True))
    side = max(np.bincount(rows).max(), np.bincount(columns).max())
    if x_JI.shape != (side * grid[0], side * grid[1]):
        raise ValueError(f"{x_JI.shape} pixels are no whole patches of {grid}")
    return x_JI.reshape(grid[0], side, grid[1], side).transpose(0, 2, 1, 3).reshape(*grid, -1)


def touched(mask_JI: NDArray[np.bool_], grid: tuple[int, ...], spacing_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """Patches that touch the bleed of this slice, grown within the slice."""
    if not mask_JI.any():
        return np.zeros(grid, bool)
    grown = ndimage.distance_transform_edt(~mask_JI, sampling=spacing_mm) <= GROWN_MM
    touching: NDArray[np.bool_] = by_patch(grown, grid).any(axis=-1)
    return touching


def inside_skull(hu_BJI: NDArray[np.float32], spacing_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """What bone surrounds, slice by slice, gaps of the bone bridged."""
    reach = [max(1, round(GAP_MM / spacing)) for spacing in spacing_mm]
    around = np.ones((2 * reach[0] + 1, 2 * reach[1] + 1), bool)
    found = []
    for hu_JI in hu_BJI:
        bone = np.pad(hu_JI > BONE_HU, ((reach[0],) * 2, (reach[1],) * 2))
        inside = ndimage.binary_fill_holes(ndimage.binary_closing(bone, around)) & ~bone
        found.append(inside[reach[0] : -reach[0], reach[1] : -reach[1]])
    return np.stack(found)


def shrunk(inside_JI: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """Without the rim beneath the bone, which is bright by its neighbourhood."""
    deep: NDArray[np.bool_] = ndimage.distance_transform_edt(np.pad(inside_JI, 1), sampling=spacing_mm) > RIM_MM
    return deep[1:-1, 1:-1]


def table_of(cohort: Cohort, results: list[StudyResult]) -> list[list[str]]:
    """The table: a line for each measure, the model beside the baselines."""
    patients = [case.patient for case in cohort]
    labels_SC = np.array([[case.labels[name] for name in LABELS] for case in cohort])
    model_SC = np.stack([result.p_C for result in results])
    blood_SC = np.repeat([[result.blood_ml] for result in results], len(LABELS), axis=1)
    ranks = [ranked(scores, labels_SC, patients) for scores in (model_SC, blood_SC)]
    rows = [["measure", "model", "volume of 50 to 90 HU in the skull"]]
    for number, name in enumerate(("mean", *LABELS)):
        positive = "" if name == "mean" else f" ({labels_SC[:, number - 1].sum():.0f} positive)"
        rows.append([f"AUROC of studies, {name}{positive}", *(measure[number] for measure in ranks)])
    hits = [(result, who) for result, who in zip(results, patients, strict=True) if result.hit is not None]
    kinds = {
        "heat-map hit": [float(bool(result.hit)) for result, _ in hits],
        "a random patch of the brain in that slice": [float(result.chance or 0) for result, _ in hits],
        "the brightest spot of the brain": [float(bool(result.brightest)) for result, _ in hits],
    }
    for name, values in kinds.items():
        rows.append([f"{name} ({len(hits)} studies)", shares(np.array(values), [who for _, who in hits]), "-"])
    return rows


def ranked(scores_SC: NDArray[np.float64], labels_SC: NDArray[np.float64], patients: list[Any]) -> list[str]:
    """AUROC with its interval in words: the mean over the classes, then each class."""

    def values(rows: NDArray[np.intp]) -> list[float]:
        found = rank_classes(scores_SC[rows], labels_SC[rows])
        return [found.macro_auroc, *found.auroc]

    intervals = clustered_intervals(values, patients)
    return [
        f"{value:.3f}" + ("" if interval is None else f" ({interval.low:.3f} to {interval.high:.3f})")
        for value, interval in zip(values(np.arange(len(patients))), intervals, strict=True)
    ]


def shares(values_S: NDArray[np.float64], patients: list[Any]) -> str:
    """A share in percent with its interval."""
    interval = clustered_intervals(lambda rows: [float(values_S[rows].mean())], patients)[0]
    ends = "" if interval is None else f" ({100 * interval.low:.0f} to {100 * interval.high:.0f})"
    return f"{100 * values_S.mean():.0f} %{ends}"


if __name__ == "__main__":
    main()
