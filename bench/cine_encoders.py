"""Does an encoder that was pretrained with time as the frames know more of a cine than one of single frames?

UME (micro) is pretrained without labels on slices of cine phantoms by finding overlapping neighbours: once on crops of
12 frames, once on crops of one frame with the same net, steps and pixels. Then each study of other phantoms becomes a
vector: the mean over slices of what the encoder gives for all frames, or mean and standard deviation of what it gives
for each frame. A ridge regression reads the ejection fraction of the left ventricle from it, cross-validated by
patient, and the regression of all phantoms then ranks real hearts whose masks give an EF. Beside them stand encoders of
random weights, five numbers of the pixels (bench/token_probes.py), and the mean EF. Resumable.

    python bench/cine_encoders.py -o WORK [--real FOLDER ...] [--steps 300] [--patients 100] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.model_selection import GroupKFold, cross_val_predict
from torch import Tensor, nn

from token_probes import ef_of_masks, ef_probe, plain
from vesalius.cohort.build import build_cohort
from vesalius.cohort.case import IMAGE
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.cohort.read import open_image
from vesalius.metrics.bootstrap import patient_interval
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.report.page import PAGE
from vesalius.tasks.train.run import train
from vesalius.transforms.prepare import Prepare
from vesalius.weights.saved import ENCODER, from_pretrained

SIDE = 96
FRAMES = {"time as frames": 12, "single frames": 1}
"""Encoder -> frames of its crops."""
NET = "{name: ume, inputs: 1, size: micro, patch: 16, picture: 64, keyframes: uniform, max_keyframes: 8}"
PREPARE = Prepare.build(
    layout="CTIJK",
    values=[{"name": "percentiles"}],
    steps=[{"name": "center_fit", "size": [None, SIDE, SIDE, None]}],
)
Vectors = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="patients in the layout of ACDC")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    work, started = given.output.resolve(), time.process_time()
    torch.set_num_threads(given.threads)
    learned = write_manifest(made(work / "learned", 60, 41), work / "learned.jsonl", force=True)
    probed = made(work / "probed", given.patients, 42)
    truths = [json.loads((work / "probed" / case.id / "truth.json").read_text()) for case in probed]
    efs = np.array([100 * truth["measured"]["lv_ef"] for truth in truths])
    encoders: dict[str, nn.Module] = {}
    for name, frames in FRAMES.items():
        run = work / name.replace(" ", "-")
        if not (run / PAGE).exists():
            pretrain(run, frames, [f"data.manifest={learned}", f"train.max_steps={given.steps}"], given.threads)
        encoders[name] = from_pretrained(run, only=ENCODER).parts[ENCODER].net.eval()
    torch.manual_seed(0)
    fresh = from_pretrained(work / "single-frames", only=ENCODER).parts[ENCODER].config.make().eval()
    inputs: dict[str, Callable[[Cohort], Vectors]] = {
        name: lambda cohort, net=net, name=name: vectors(net, cohort, whole=FRAMES[name] > 1)
        for name, net in encoders.items()
    }
    inputs |= {
        "random weights, time as frames": lambda cohort: vectors(fresh, cohort, whole=True),
        "random weights, single frames": lambda cohort: vectors(fresh, cohort, whole=False),
        "five numbers of the pixels": lambda cohort: np.stack([plain(cohort, case) for case in cohort]),
    }
    known = {name: of(probed) for name, of in inputs.items()}
    show(known, efs, [case.patient or case.id for case in probed])
    for folder in given.real:
        hearts = build_cohort("acdc", folder)
        truth = np.array([ef_of_masks(hearts, case) for case in hearts])
        print(f"\n{folder.name}: {len(truth)} hearts with EF {', '.join(f'{ef:.0f}' for ef in truth)}")
        for name, of in inputs.items():
            read = ef_probe().fit(known[name], efs).predict(of(hearts))
            rank = spearmanr(read, truth).statistic
            print(f"  {name:32s} rank correlation {rank:+.2f}, mean error {np.abs(read - truth).mean():.1f} points")
    print(f"{(time.process_time() - started) / 60:.1f} processor-minutes in this call")


def made(folder: Path, patients: int, seed: int) -> Cohort:
    """Phantoms of all groups, cropped to the heart, made once."""
    if not folder.exists():
        options = {"frames": 20, "variety": 1.0, "size": 224, "crop": (90, 104)}
        write_cine(folder, CineOptions.build(patients=patients, seed=seed, **options))
    return build_cohort("acdc", folder)


def pretrain(run: Path, frames: int, words: list[str], threads: int) -> None:
    """Neighbouring crops of 64 x 64 pixels and so many frames; single frames are drawn before the crops."""
    size = f"size: [{SIDE}, {SIDE}, {frames if frames == 1 else 'null'}]"
    words = [
        *words,
        f"prepare.steps=[{{name: center_fit, size: [null, {SIDE}, {SIDE}, null]}}]",
        f"augment=[{{name: random_crop, {size}}}]",
        f"whole=[{{name: center_crop, {size}}}]",
        f"net={NET}",
        f"method={{name: neighbours, geometry: {{crop: [64, 64, {frames}], count: 4, overlap: 0.25}}}}",
        "batch=8",
        "train.validate_every=1000",
    ]
    train("voco/cine", run, words, resume=True, device="cpu", threads=threads, progress=print)


@torch.no_grad()
def vectors(net: nn.Module, cohort: Cohort, *, whole: bool) -> Vectors:
    """A row for each study: of all frames of a slice together, or of each frame alone."""
    rows = []
    for case in cohort:
        x_CTIJK = torch.from_numpy(PREPARE(open_image(cohort, case, IMAGE)))
        x_KCIJT = x_CTIJK.permute(4, 0, 2, 3, 1)
        if whole:
            rows.append(net(x_KCIJT)[0].mean(0))
            continue
        each_TKE = torch.stack([net(x_KCIJT[..., t : t + 1])[0] for t in range(x_KCIJT.shape[-1])])
        rows.append(torch.cat([each_TKE.mean((0, 1)), spread(each_TKE)]))
    return torch.stack(rows).double().numpy()


def spread(each_TKE: Tensor) -> Tensor:
    """The deviation over time, a mean over slices."""
    return each_TKE.std(0).mean(0)


def show(known: dict[str, Vectors], efs: Vectors, patients: list[str]) -> None:
    """Print the error of each probe on phantoms."""
    folds = GroupKFold(5, shuffle=True, random_state=0)
    errors = {"the mean EF": np.abs(efs - efs.mean())}
    for name, x_ND in known.items():
        errors[name] = np.abs(cross_val_predict(ef_probe(), x_ND, efs, groups=patients, cv=folds) - efs)
    print(f"EF of {len(efs)} phantoms, mean absolute error in points; less that of single frames")
    for name, each in errors.items():
        apart = each - errors["single frames"]
        words = "" if name == "single frames" else f"  {interval(apart)}"
        print(f"  {name:32s}{interval(each)}{words}")


def interval(values: Vectors) -> str:
    bounds = patient_interval(values.tolist())
    return f"{np.mean(values):+.2f}" + ("" if bounds is None else f" ({bounds.low:+.2f} to {bounds.high:+.2f})")


if __name__ == "__main__":
    main()
