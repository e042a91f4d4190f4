"""Trains the cycle tokenizer that comes with the package, and measures it on hearts that it has not seen.

Trained on three Sunnybrook patients and one more as DICOM instances (CC0) and on cine phantoms: transform and
correction (tokenize/cycle), then the prior of the file's coder (tokenize/cycle_prior). Held out: the fourth Sunnybrook
patient, on which everything was chosen, and ACDC, which was only measured on.

    python bench/cycle_tokens.py SUNNYBROOK --dicom FOLDER -o WORK [--other ACDC] [--model MODEL]

Bytes are those of the tier as it stands in a `.vsl` file, per frame of a slice, and of the file beside them. Peers, as
tiers of `.vsl` files too: the coded mean frame, and SVT-AV1 preset 3. PSNR by the peak p99.9 - p0.1, values clipped to
that range for every coder; heart: box of the ED and ES masks + 10 mm. Differences are at equal bytes, between measured
points by interpolation over the logarithm of the bytes. Step 0: the same components with neither correction nor a
trained prior; order 0: those without any prior, ideal length of an adaptive code for each component.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import gammaln

from vesalius.codec.compress import compress_scan
from vesalius.codec.container import VslReader
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.codec.still import decoded_mean
from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, write_manifest
from vesalius.metrics.codec import heart_region
from vesalius.nets.cycle import CycleNet, CycleTokenizer, step_of
from vesalius.nets.cycle_rounding import plain
from vesalius.nets.harmonics import harmonic_rows
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.train.run import train
from vesalius.weights.place import locate
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

HELD_OUT = "SCD0000401"
PHANTOMS = (
    CineOptions(patients=3, seed=21, frames=20, size=224, noise=0.012, fov_mm=(300, 360)),
    CineOptions(patients=2, seed=22, frames=20, size=224, noise=0.02, fov_mm=(320, 380)),
    CineOptions(patients=2, seed=23, frames=20, size=224, noise=0.03, fov_mm=(280, 340)),
)
COPIES = 4
"""Each real patient is in the manifest so many times: two thirds of the examples come from real hearts."""
RUNS = (
    ("cycle", "tokenize/cycle", ("train.max_steps=2700",)),
    ("cycle_prior", "tokenize/cycle_prior", ("train.max_steps=300",)),
)
"""Folder, configuration and overrides of each run; every run starts from the one before."""
LADDER = ((60, 42), (57, 38), (54, 34), (51, 30), (50, 27), (48, 24), (45, 21), (43, 18), (40, 15), (38, 12), (35, 9))
"""Rate factor of the mean and quality, at about the same cost on the held-out patient."""
MEANS, VIDEOS = (63, 58, 53, 48, 42, 36, 30), (63, 60, 57, 54, 51, 48, 44, 40, 35, 30)
AGAINST_MEAN, AGAINST_VIDEO, AGAINST_LINEAR = (12, 16, 30), (74, 100, 139), (30, 40, 50)
HEADING = "## Measured on other hearts by bench/cycle_tokens.py"


@dataclass(frozen=True)
class Point:
    """What a coder makes of a study: bytes per frame of the tier and of the file, dB in the heart and in the field."""

    tier: float
    file: float
    heart: float
    field: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sunnybrook", type=Path, help="patients in the layout of ACDC")
    parser.add_argument("--dicom", type=Path, help="one more patient as DICOM instances, to train on")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for phantoms, manifest, runs, pictures"
    )
    parser.add_argument("--other", type=Path, help="more patients in the layout of ACDC, to measure on only")
    parser.add_argument("--model", type=Path, help="measure this model, without training")
    given = parser.parse_args()
    model = given.model or trained(given.sunnybrook, given.dicom, given.output)
    folders = [path for path in sorted(given.other.iterdir()) if path.is_dir()] if given.other else []
    rows = [measured(folder, model, given.output) for folder in folders]
    if rows:
        rows.append(["mean", *(f"{np.nanmean([float(row[n]) for row in rows]):+.2f}" for n in range(1, len(rows[0])))])
        print_table(HEADS, rows)
        if not given.model:
            add_to_card(locate(model) / "README.md", rows)
    whole_field(given.sunnybrook / HELD_OUT, model)


def trained(sunnybrook: Path, dicom: Path, output: Path) -> Path:
    """Make the cohort, and all runs that are not finished; return the last one."""
    manifest = output / "cycle.jsonl"
    if not manifest.exists():
        output.mkdir(parents=True, exist_ok=True)
        write_manifest(learning(sunnybrook, dicom, output), manifest)
    before: list[str] = []
    for name, configuration, overrides in RUNS:
        keys = [f"data.manifest={manifest}", *before, *overrides]
        train(configuration, output / name, keys, resume=True, progress=print)
        before = [f"init_from.model={output / name}", "init_from.part=tokenizer"]
    return output / RUNS[-1][0]


def learning(sunnybrook: Path, dicom: Path, output: Path) -> Cohort:
    """Train: real patients, several times each, and phantoms; val: the held-out patient."""
    cases = []
    real = moved(build_cohort("acdc", sunnybrook), output)
    for case in (*real, *moved(build_cohort("dicom", dicom), output)):
        if case.id == HELD_OUT:
            cases.append(case.model_copy(update={"split": "val"}))
            continue
        copies = ({"split": "train", "id": f"{case.id}-{number}"} for number in range(COPIES))
        cases += [case.model_copy(update=copy) for copy in copies]
    for number, options in enumerate(PHANTOMS):
        folder = output / f"phantoms-{number}"
        if not folder.exists():
            write_cine(folder, options)
        for case in moved(build_cohort("acdc", folder), output):
            name = f"phantom-{number}-{case.id}"
            cases.append(case.model_copy(update={"split": "train", "id": name, "patient": name}))
    return Cohort(tuple(cases), output)


class Study:
    """A cine with its masks, and what coders make of it.

    Args:
        folder: a patient in the layout of ACDC.
    """

    def __init__(self, folder: Path) -> None:
        image = next(folder.glob("*_4d.nii.gz"))
        masks = [np.asarray(nib.load(path).dataobj) for path in sorted(folder.glob("*_gt.nii.gz"))]
        spacing = tuple(float(size) for size in nib.load(image).header.get_zooms()[:3])
        self.name = folder.name
        self.scan: Scan = open_scan(image).resident()
        self.low, self.high = np.percentile(self.scan.stored(), [0.1, 99.9])
        self.heart = heart_region(masks, (spacing[0], spacing[1], spacing[2]))
        self.x_TIJK = self.scaled(self.scan.stored())
        self.frames = self.x_TIJK.shape[0] * self.x_TIJK.shape[3]

    def scaled(self, stored_CTIJK: NDArray[Any]) -> NDArray[np.float64]:
        """Return values from 0 to 1."""
        return np.clip((stored_CTIJK[0].astype(np.float64) - self.low) / (self.high - self.low), 0, 1)

    def through(self, options: CompressConfig) -> tuple[Point, NDArray[np.float64]]:
        """Code the study into a `.vsl` file and read it back."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.vsl"
            size = compress_scan(self.scan, path, options).bytes_written
            x_TIJK = self.scaled(decode_scan(path, model=options.model).stored())
            with VslReader(path) as reader:
                tier = sum(frame.length for frame in reader.chunks(0).values())
        return self.point(tier, size, x_TIJK), x_TIJK

    def point(self, tier: float, size: float, x_TIJK: NDArray[np.float64]) -> Point:
        """Return the measures of a decoded study."""
        errors = np.square(x_TIJK - self.x_TIJK)
        assert self.heart is not None
        heart, field = (-10 * np.log10(part.mean()) for part in (errors[(slice(None), *self.heart)], errors))
        return Point(tier / self.frames, size / self.frames, float(heart), float(field))

    def tokens(self, model: Path, ladder: Iterable[tuple[int, int]] = LADDER) -> list[Point]:
        """Return the points of a tokenizer."""
        return [self.through(token_options(model, crf, quality))[0] for crf, quality in ladder]

    def order_zero(self, tokenizer: CycleTokenizer, ladder: Iterable[tuple[int, int]]) -> list[Point]:
        """Return the points of the linear codec whose components have an adaptive code each, of ideal length."""
        x_KTJI = torch.from_numpy(np.ascontiguousarray(self.x_TIJK.transpose(3, 0, 2, 1))).float()
        frames, points = x_KTJI.shape[1], []
        rows_HT = harmonic_rows(frames, tokenizer.harmonics)
        for crf, quality in ladder:
            mean = self.through(CompressConfig(tier="tokens", tokens=0, crf=crf, threads=1))[0]
            mean_KJI = torch.from_numpy(decoded_mean(x_KTJI.mean(1).numpy(), crf))
            rest_KHJI = torch.einsum("ht,ktji->khji", rows_HT, x_KTJI - mean_KJI[:, None])
            exact = tokenizer.analysis(rest_KHJI) / step_of(quality)
            tokens_KMRC = torch.from_numpy(plain(exact.numpy()))
            tokens_GLM = tokens_KMRC.flatten(2).transpose(1, 2)
            size_KTJI = (x_KTJI.shape[0], frames, x_KTJI.shape[2], x_KTJI.shape[3])
            x = tokenizer.decode(tokens_GLM, mean_KJI, size_KTJI, quality).numpy().transpose(1, 3, 2, 0)
            size = mean.tier * self.frames + adaptive_bytes(tokens_GLM.reshape(-1, tokens_GLM.shape[2]).numpy())
            points.append(self.point(size, size, x.astype(np.float64)))
        return points


def token_options(model: Path, crf: int, quality: int) -> CompressConfig:
    """Return the options of a tier of tokens."""
    return CompressConfig(tier="tokens", model=str(model), crf=crf, quality=quality, threads=1)


def adaptive_bytes(tokens_NM: NDArray[np.int32]) -> float:
    """Return the ideal length of an adaptive code for each component: counts of what was seen, and a little more."""
    bits = 0.0
    for component in np.clip(tokens_NM, -15, 15).T + 15:
        counts = np.bincount(component, minlength=31)
        start = np.where(np.arange(31) == 15, 1.0, 0.02)
        bits += gammaln(start.sum() + len(component)) - gammaln(start.sum())
        bits -= (gammaln(start + counts) - gammaln(start)).sum()
    return float(bits) / np.log(2) / 8


def step_zero(model: Path, output: Path) -> tuple[Path, CycleTokenizer]:
    """Write the model as it was before anything but its components was learned."""
    loaded = from_pretrained(model, "tokenize")
    config, trained_net = loaded.parts["tokenizer"].config, loaded.net
    assert isinstance(config, CycleNet)
    fresh = config.make().eval()
    fresh.set_bases({n: getattr(trained_net, f"basis_{n}") for n in range(config.harmonics + 1)})
    folder = output / "step_zero"
    folder.mkdir(parents=True, exist_ok=True)
    save_pretrained(folder, {"tokenizer": fresh}, ModelConfig.of("tokenize", {"tokenizer": config}))
    return folder, fresh


HEADS = (
    "patient",
    *(f"mean {size} B" for size in AGAINST_MEAN),
    "AV1 at its floor",
    *(f"AV1 {size} B" for size in AGAINST_VIDEO),
    *(f"step 0, {size} B" for size in AGAINST_LINEAR),
    "order 0, 40 B",
    "AV1 floor, field",
)


def measured(folder: Path, model: Path, output: Path) -> list[str]:
    """Print all points of a patient and draw its pictures; return the differences in dB."""
    study = Study(folder)
    zero, fresh = step_zero(model, output)
    near = LADDER[2:9]
    curves = {
        "tokens": study.tokens(model),
        "mean": [study.through(CompressConfig(tier="tokens", tokens=0, crf=crf, threads=1))[0] for crf in MEANS],
        "svtav1": [study.through(CompressConfig(coder="svtav1", quality=crf, threads=1))[0] for crf in VIDEOS],
        "step 0": study.tokens(zero, near),
        "order 0": study.order_zero(fresh, near),
    }
    print(
        f"\n{study.name}, {study.frames} frames of slices: bytes per frame of the tier (of the file), heart dB (field)"
    )
    for name, points in curves.items():
        cells = (f"{p.tier:.1f} ({p.file:.1f}) {p.heart:.2f} ({p.field:.2f})" for p in points)
        print(f"  {name:8s} {'; '.join(cells)}", flush=True)
    pictures(study, model, output)
    floor = curves["svtav1"][0]
    values = [at(curves["tokens"], size) - at(curves["mean"], size) for size in AGAINST_MEAN]
    values.append(at(curves["tokens"], floor.tier) - floor.heart)
    values += [at(curves["tokens"], size) - at(curves["svtav1"], size) for size in AGAINST_VIDEO]
    values += [at(curves["tokens"], size) - at(curves["step 0"], size) for size in AGAINST_LINEAR]
    values.append(at(curves["tokens"], 40) - at(curves["order 0"], 40))
    values.append(at(curves["tokens"], floor.tier, "field") - floor.field)
    return [study.name, *(f"{value:+.2f}" for value in values)]


def at(points: Sequence[Point], size: float, which: str = "heart") -> float:
    """Return dB at so many bytes per frame of the tier, between the points that no cheaper one surpasses."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: point.tier):
        if not kept or getattr(point, which) > getattr(kept[-1], which):
            kept.append(point)
    if not kept[0].tier <= size <= kept[-1].tier:
        return float("nan")  # beyond what was measured
    sizes = np.log([point.tier for point in kept])
    return float(np.interp(np.log(size), sizes, [getattr(point, which) for point in kept]))


def pictures(study: Study, model: Path, output: Path) -> None:
    """Draw a slice in the middle at five times of the cycle: original, tokens, mean, SVT-AV1 at its floor."""
    shown = {
        "original": study.x_TIJK,
        "tokens": study.through(token_options(model, 45, 21))[1],
        "mean": study.through(CompressConfig(tier="tokens", tokens=0, crf=36, threads=1))[1],
        "svtav1": study.through(CompressConfig(coder="svtav1", quality=63, threads=1))[1],
    }
    times = np.linspace(0, study.x_TIJK.shape[0], 6)[:5].astype(int)
    middle = study.x_TIJK.shape[3] // 2
    rows = [np.concatenate([x_TIJK[t, :, :, middle].T for t in times], 1) for x_TIJK in shown.values()]
    sheet = np.rint(255 * np.concatenate(rows)).astype(np.uint8)
    Image.fromarray(sheet).resize((3 * sheet.shape[1], 3 * sheet.shape[0])).save(output / f"{study.name}.png")


def whole_field(folder: Path, model: Path) -> None:
    """Print the held-out patient, whose field is mostly body: there tokens lose to SVT-AV1."""
    study = Study(folder)
    points = study.tokens(model, LADDER[2:9:2])
    videos = [study.through(CompressConfig(coder="svtav1", quality=crf, threads=1))[0] for crf in (63, 60, 57)]
    print(f"\n{study.name}, whole field, held out: bytes per frame of the tier (of the file), heart dB (field)")
    for name, several in {"tokens": points, "svtav1": videos}.items():
        cells = (f"{p.tier:.1f} ({p.file:.1f}) {p.heart:.2f} ({p.field:.2f})" for p in several)
        print(f"  {name:8s} {'; '.join(cells)}")
    size = max(videos[0].tier, min(point.tier for point in points))
    apart = [at(points, size, which) - at(videos, size, which) for which in ("heart", "field")]
    print(f"  tokens - svtav1 at {size:.1f} B: heart {apart[0]:+.2f} dB, field {apart[1]:+.2f} dB")


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print("\ntokens minus others in the heart, dB at equal bytes of the tier (last column: in the field)")
    for row in (heads, *rows):
        print("  ".join(f"{cell:>{max(10, len(head))}s}" for cell, head in zip(row, heads, strict=True)))


def add_to_card(card: Path, rows: Sequence[Sequence[str]]) -> None:
    """Put the differences at the end of the model card."""
    lines = [HEADS, ["---"] * len(HEADS), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    words = (
        "ACDC, which was only measured on. dB in the heart over the coded mean frame, SVT-AV1 preset 3, the tokenizer "
        "before training (step 0) and a linear codec without a prior (order 0), at equal bytes of the tier per frame; "
        "last column: over the whole field."
    )
    text = card.read_text(encoding="utf-8").partition(HEADING)[0]
    card.write_text(f"{text.rstrip()}\n\n{HEADING}\n\n{words}\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
