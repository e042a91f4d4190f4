"""Studies per minute from files to vectors: the project beside a plain fp32 loop, and the factor of each of its parts.

Both look with one ViT of timm (random weights) on the same threads, batch and pictures: HU clipped and standardized as
MedDINOv3 was trained, 224 x 224, three channels. The plain loop reads with nibabel or pydicom, resizes with torch, runs
the net in fp32 and writes `.npy`, one study after the other. The project runs `extract` with a fresh cache: with none
of its parts, with each one alone, and with all: bf16, slices without head left out, the next scan read meanwhile. All
take turns in each repeat, in an order that changes, so other load hits them alike. Studies: the real head CT of
VESALIUS_DATA, where it is set, and phantoms of 256 x 256 x 32.

Then the AUROC of `any` on labelled phantoms (logistic regression on mean and maximum over the slices, cross-validated,
mean of several foldings) with the vectors of fp32 and all slices, and with those of the fast way.

Where the processor has no bf16, "auto" means fp32 and bf16 is left out; --emulate asks for its rounding in the AUROC
all the same, which takes three times as long as fp32. Goals: 3 times the plain loop, at least 2 where the processor
has bf16; AUROC within 0.002 (one pair of studies weighs 1 / (positive x negative), which is printed).

    python bench/detect.py [-o WORK] [--size base] [--phantoms 2] [--repeats 2] [--labelled 40]
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.nets.vit import ViT
from vesalius.phantom.head_ct.options import BleedRates, HeadCtOptions
from vesalius.phantom.head_ct.write import write_head_ct
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.tasks.encode.vectors import extract
from vesalius.training.device import Precision, resolved
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.prepare import ct_slices
from vesalius.weights.saved import ENCODER, ModelConfig, from_pretrained, save_pretrained

PLAIN, NOTHING, ALL = "plain fp32 loop", "vesalius, no part", "vesalius, all parts"
SIDE, CLIP_HU, MEAN_HU, STD_HU = 224, (-1000.0, 1000.0), 65.1084213, 178.0166321
GOAL, LEAST_GOAL, AUROC_GOAL = 3.0, 2.0, 0.002
SMALL = HeadCtOptions(
    matrix=128,
    slices=14,
    thickness_mm=12.0,
    subslices=1,
    studies_per_patient=(1, 1),
    prevalence=BleedRates(any=0.5),
    seed=1,
)
FOLDINGS, FOLDS = 10, 5
Vectors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Way:
    """Which parts are switched on."""

    name: str
    precision: Precision = "fp32"
    least_body: float = 0.0
    ahead: int = 0


@dataclass
class Taken:
    """What the repeats of one contender took, and what came out."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    vectors: Vectors = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="work folder; a temporary one where it is not named")
    parser.add_argument("--size", choices=["tiny", "small", "base"], default="base", help="of the ViT")
    parser.add_argument("--phantoms", type=int, default=2, help="studies of 256 x 256 x 32 beside the real one")
    parser.add_argument("--repeats", type=int, default=2, help="0: only the AUROC")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch, for all alike")
    parser.add_argument("--least-body", type=float, default=0.02, help="share of a slice that must not be air")
    parser.add_argument("--labelled", type=int, default=40, help="small labelled phantoms for the AUROC; 0: none")
    parser.add_argument("--emulate", action="store_true", help="AUROC with bf16 where the processor has none")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory(dir=given.output) as folder:
        work = Path(folder)
        model = make_encoder(work / "encoder", given.size)
        fast = resolved("auto", "cpu")
        parts = [Way(NOTHING)]
        parts += [Way("  bf16 alone", precision="bf16")] if fast == "bf16" else []
        parts += [
            Way("  slices without head left out", least_body=given.least_body),
            Way("  next scan read meanwhile", ahead=1),
            Way(ALL, fast, given.least_body, 1),
        ]
        has = "has" if fast == "bf16" else "has no"
        print(f"this processor {has} bf16; {given.threads} threads, batch {given.batch}, ViT {given.size}", flush=True)
        if given.repeats:
            speed(studies(work, given.phantoms), model, parts, given.repeats, given.batch, work)
        if given.labelled:
            rounded = Way(ALL, "bf16" if given.emulate else fast, given.least_body, 1)
            accuracy(work, model, rounded, given.labelled, given.batch)


def make_encoder(folder: Path, size: str) -> Path:
    """A model folder with random weights, whose class token sees the picture."""
    folder.mkdir()
    torch.manual_seed(0)
    config = ViT.build(size=size)
    net = config.make()
    with torch.no_grad():
        for name, one in net.named_parameters():  # as initialized, hardly anything of the picture reaches the token
            if "gamma_" in name:
                one.fill_(1.0)
    save_pretrained(folder, {ENCODER: net}, ModelConfig.of("encode", {ENCODER: config}))
    write_contract(InputContract(prepare=ct_slices("wide", SIDE)), folder)
    return folder


def studies(work: Path, phantoms: int) -> Cohort:
    """Phantoms, and the real head CT where there is one."""
    cases = []
    if phantoms:
        options = HeadCtOptions(studies_per_patient=(1, 1))
        write_head_ct(work / "phantoms", options, phantoms)
        paths = sorted(path for path in (work / "phantoms").glob("*/*.nii.gz") if "mask" not in path.name)
        cases += [Case(id=path.parent.name, images={IMAGE: path.relative_to(work).as_posix()}) for path in paths]
    data = os.environ.get("VESALIUS_DATA")
    real = Path(data).absolute() / "ct-head-tilted-dicom" if data else None
    if real is not None and real.is_dir():
        cases.append(Case(id="real head CT", images={IMAGE: real.as_posix()}))
    else:
        print("VESALIUS_DATA leads to no head CT: phantoms only")
    if not cases:
        sys.exit("there is no study; set VESALIUS_DATA or ask for phantoms")
    return Cohort(tuple(cases), work)


def speed(cohort: Cohort, model: Path, parts: list[Way], repeats: int, batch: int, work: Path) -> None:
    """Measure and print the table."""
    part = from_pretrained(model).parts[ENCODER]
    contract = InputContract(prepare=ct_slices("wide", SIDE))
    encoders = {name: Encoder(part, contract, precision=name) for name in {way.precision for way in parts}}
    contenders: dict[str, Callable[[], Vectors]] = {PLAIN: lambda: plain(cohort, part.net.vit, batch, work)}
    for way in parts:
        contenders[way.name] = lambda way=way: ours(cohort, encoders[way.precision], way, batch, work)
    warm_up(part.net, encoders)
    taken = {name: Taken() for name in contenders}
    for repeat in range(repeats):
        names = list(contenders)
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            begun, cpu_begun = time.perf_counter(), time.process_time()
            taken[name].vectors = contenders[name]()
            taken[name].seconds.append(time.perf_counter() - begun)
            taken[name].cpu_seconds.append(time.process_time() - cpu_begun)
            print(f"{name.strip()}: {taken[name].seconds[-1]:.1f} s", file=sys.stderr, flush=True)
    show(taken, len(cohort))


def warm_up(net: nn.Module, encoders: dict[Precision, Encoder]) -> None:
    """Run each net once, so that preparations of the first call are not measured."""
    x_BCJI = np.zeros((2, 3, SIDE, SIDE), np.float32)
    for encoder in encoders.values():
        encoder.tokens(x_BCJI)
    with torch.inference_mode():
        net(torch.from_numpy(x_BCJI))


def show(taken: dict[str, Taken], count: int) -> None:
    """Print what was measured."""
    seconds = {name: statistics.median(one.seconds) for name, one in taken.items()}
    print(f"\n{count} studies, median of {len(taken[PLAIN].seconds)} repeats")
    print(f"{'':34s}{'studies/min':>12s}{'s':>9s}{'CPU s':>9s}{'slices':>8s}{'factor of':>11s}{'factor of':>11s}")
    print(f"{'':72s}{'plain loop':>11s}{'no part':>11s}")
    for name, one in taken.items():
        slices, cpu = sum(map(len, one.vectors.values())), statistics.median(one.cpu_seconds)
        numbers = f"{60 * count / seconds[name]:12.2f}{seconds[name]:9.1f}{cpu:9.1f}{slices:8d}"
        print(f"{name:34s}{numbers}{seconds[PLAIN] / seconds[name]:11.2f}{seconds[NOTHING] / seconds[name]:11.2f}")
    alike = [cosines(taken[PLAIN].vectors[case], taken[NOTHING].vectors[case]).min() for case in taken[PLAIN].vectors]
    print(f"least cosine of a plain and a fp32 vector of the same slice: {min(alike):.5f}")
    found = seconds[PLAIN] / seconds[ALL]
    print(f"overall: {found:.2f} times the plain loop; goal {GOAL:g}, at least {LEAST_GOAL:g} where there is bf16")


def cosines(one_BD: NDArray[np.float32], other_BD: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row with the same row of the other."""
    lengths_B = np.linalg.norm(one_BD, axis=1) * np.linalg.norm(other_BD, axis=1)
    return np.sum(one_BD * other_BD, axis=1) / lengths_B


def ours(cohort: Cohort, encoder: Encoder, way: Way, batch: int, work: Path) -> Vectors:
    """Vectors of all studies by the project, nothing known before."""
    with tempfile.TemporaryDirectory(dir=work) as cache:
        choice = SliceConfig(least_body=way.least_body)
        found = extract(cohort, encoder, choice, Path(cache), batch=batch, ahead=way.ahead)
        return {case: np.array(found.store.rows(key)) for case, key in found.keys.items()}


@torch.inference_mode()
def plain(cohort: Cohort, vit: Any, batch: int, work: Path) -> Vectors:
    """The same as people write it."""
    vectors = {}
    for case in cohort:
        x_BJI = torch.from_numpy(read(cohort.root / case.images[IMAGE]))
        x_BCJI = (x_BJI[:, None].clamp(*CLIP_HU) - MEAN_HU) / STD_HU
        x_BCJI = functional.interpolate(x_BCJI, (SIDE, SIDE), mode="bilinear", antialias=True).expand(-1, 3, -1, -1)
        rows = torch.cat([vit.forward_features(part)[:, 0] for part in x_BCJI.split(batch)]).numpy()
        np.save(work / "plain.npy", rows)
        vectors[case.id] = rows
    return vectors


def read(path: Path) -> NDArray[np.float32]:
    """HU of the axial slices, from below upwards, seen as radiologists do: (B, rows, columns)."""
    if path.is_file():
        image = nib.as_closest_canonical(nib.load(path))
        return np.ascontiguousarray(image.get_fdata(dtype=np.float32)[::-1, ::-1].transpose(2, 1, 0))
    from pydicom import dcmread

    instances = sorted(map(dcmread, path.iterdir()), key=lambda data: float(data.ImagePositionPatient[2]))
    stack = [data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept) for data in instances]
    return np.stack(stack).astype(np.float32)


def accuracy(work: Path, model: Path, way: Way, count: int, batch: int) -> None:
    """Print what the fast way costs in AUROC."""
    write_head_ct(work / "labelled", SMALL, count)
    with (work / "labelled" / "series.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cases = [Case(id=row["patient_id"], images={IMAGE: row["nifti_path"]}) for row in rows]
    cohort = Cohort(tuple(cases), work / "labelled")
    labels_S = np.array([int(row["any"]) for row in rows])
    if min(labels_S.sum(), (1 - labels_S).sum()) < FOLDS:
        print("too few labelled studies for an AUROC")
        return
    found, slices = {}, {}
    for one in (Way("fp32, all slices"), Way("fast way", way.precision, way.least_body, 1)):
        encoder = Encoder.from_pretrained(model, precision=one.precision)
        vectors = ours(cohort, encoder, one, batch, work)
        slices[one.name] = sum(map(len, vectors.values()))
        pooled_SD = np.stack(
            [np.concatenate([rows.mean(0), rows.max(0)]) for rows in (vectors[case.id] for case in cohort)]
        )
        found[one.name] = statistics.mean(aurocs(pooled_SD, labels_S))
    positive = int(labels_S.sum())
    print(f"\nAUROC of `any`, {count} labelled phantoms ({positive} positive), {FOLDINGS} foldings of {FOLDS} parts")
    for name, value in found.items():
        print(f"{name:34s}{value:12.4f}{slices[name]:9d} slices")
    first, last = found.values()
    pair = 1 / (positive * (count - positive))
    what = "bf16 and " if way.precision == "bf16" else "fp32 (no bf16 here) and "
    print(f"{what}slices without head left out change it by {last - first:+.4f}; goal at most {AUROC_GOAL} either way")
    print(f"one pair of studies weighs {pair:.4f} in one folding, so differences of that size tell nothing")


def aurocs(pooled_SD: NDArray[np.float32], labels_S: NDArray[np.int64]) -> Iterator[float]:
    """Of cross-validated scores, one for each folding."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for folding in range(FOLDINGS):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=folding)
        judge = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        scores = cross_val_predict(judge, pooled_SD, labels_S, cv=folds, method="decision_function")
        yield float(roc_auc_score(labels_S, scores))


if __name__ == "__main__":
    main()
