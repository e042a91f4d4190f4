"""Draws five-systems.webp, the moving picture of the README: a heart as tokens, its labels, a bleed, an X-ray, nuclei.

The heart is a patient of the Sunnybrook Cardiac Data (CC0) that neither of its two models has seen; the X-ray is of the
test split of its model (NIH ChestX-ray14, no restriction on use, attribution to the NIH Clinical Center); the head is a
phantom; the nuclei are generated. Numbers in the picture are those that the models give, and are printed.

    VESALIUS_DATA=DIR python docs/figures/make_five_systems.py [-o WORK]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps, font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.cohort.build import build_cohort
from vesalius.phantom.head_ct.labels import BleedName
from vesalius.phantom.head_ct.options import BleedRequest, HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.demo.images import CAPTIONS, ellipses
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.generate.sampler import SampleOptions, Velocity
from vesalius.tasks.predict.run import predict
from vesalius.transforms.view import to_view

sys.path.append(str(Path(__file__).parents[2] / "bench"))
from cxr_nih import folded
from token_probes import ef_of_masks

PATIENT = "SCD0000401"
SIDE, GAP, FOOT = 172, 10, 52
FRAMES, FRAME_MS = 40, 60
STEPS = 10
"""Of the flow from noise to a picture."""
PAPER, INK, QUIET = (16, 20, 26), (236, 240, 244), (158, 170, 182)
STRUCTURES = ((86, 180, 233), (240, 228, 66), (230, 90, 80))
"""Right ventricle, myocardium, left ventricle: colours that most colour-blind people tell apart."""
Film = list[NDArray[np.uint8]]


def main() -> None:
    """Make the five films, put them side by side, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="folder for scans and predictions; a temporary one without")
    given = parser.parse_args()
    data = Path(os.environ["VESALIUS_DATA"])
    with tempfile.TemporaryDirectory() as temporary:
        work = given.output or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        heart = data / "cine-sunnybrook" / PATIENT / f"{PATIENT}_4d.nii.gz"
        panels = [tokens(heart, work), labels(heart, work), bleed(work), xray(data, work), nuclei()]
    frames = [sheet([(title, words, film[n]) for title, words, film in panels]) for n in range(FRAMES)]
    path = Path(__file__).with_name("five-systems.webp")
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=FRAME_MS,
        loop=0,
        quality=62,
        method=6,
        minimize_size=True,
    )
    for title, words, _ in panels:
        print(f"{title}: {words}")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def tokens(heart: Path, work: Path) -> tuple[str, str, Film]:
    """The beat as stored and, right of a line that moves, as its tokens give it."""
    scan = open_scan(heart)
    options = CompressConfig(tier="tokens", model="tokenize/cine_cycle", ratio=1000)
    written = compress_scan(scan, work / "heart.vsl", options)
    before, after = beat(scan), beat(decode_scan(written.path).resident())
    film = []
    for n in range(FRAMES):
        edge = round(SIDE * (0.5 + 0.32 * np.sin(2 * np.pi * n / FRAMES)))
        picture = np.concatenate([before[n % len(before)][:, :edge], after[n % len(after)][:, edge:]], axis=1)
        picture[:, edge - 1 : edge + 1] = INK
        film.append(picture)
    (work / "heart.vsl").unlink()
    return "compress", f"tokens, {written.ratio:,.0f} : 1", film


def labels(heart: Path, work: Path) -> tuple[str, str, Film]:
    """The beat with the outlines of a segmenter."""
    out = work / "labels"
    predicted = predict("segment/cine_segresnet", [heart], out, device="cpu", threads=1, force=True)
    scan, masks = open_scan(heart), open_scan(next(out.glob(f"{PATIENT}*.nii.gz")))
    film = []
    for picture, mask in zip(beat(scan), beat(masks, is_mask=True), strict=True):
        for value, colour in enumerate(STRUCTURES, start=1):
            inside = mask[..., 0] == value
            core = (
                inside & np.roll(inside, 1, 0) & np.roll(inside, -1, 0) & np.roll(inside, 1, 1) & np.roll(inside, -1, 1)
            )
            picture[inside & ~core] = colour
        film.append(picture)
    (study,) = predicted.results.values()
    cohort = build_cohort("acdc", heart.parent.parent)
    (case,) = (case for case in cohort if PATIENT in case.id)
    words = f"EF {study['EF %']:.0f} %, reader {ef_of_masks(cohort, case):.0f} %"
    return "segment", words, (film * FRAMES)[:FRAMES]


def bleed(work: Path) -> tuple[str, str, Film]:
    """The slices of a drawn head up to the most suspicious one, then the heat map on it."""
    drawn = BleedRequest(type=BleedName.INTRAPARENCHYMAL, volume_ml=30)
    study = head_ct_study(HeadCtOptions(seed=3, matrix=256, bleeds=(drawn,)), 0, 0)
    path, out = work / "head.nii.gz", work / "bleed"
    write_nifti(path, study.image_IJK[None], study.affine)
    predict("detect/head_ct_phantom", [path], out, device="cpu", threads=1, force=True)
    summary = json.loads((out / "head" / "summary.json").read_text(encoding="utf-8"))
    top, heat_JI = summary["top_slices"][0]["slice"], np.load(out / "head" / "heat_map.npy")
    view = np.asarray(to_view(open_scan(path), "axial", display="radiological"), np.float32)
    slices = [picture_of(one, (0, 90)) for one in view.reshape(-1, *view.shape[-2:])]
    glow = over(slices[top], heat_JI)
    walk = np.clip(np.linspace(2, top, 22).round().astype(int), 0, top)
    shares = np.concatenate([np.linspace(0, 1, 6), np.ones(FRAMES - len(walk) - 6)])
    film = [slices[k] for k in walk] + [mixed(slices[top], glow, share) for share in shares]
    return "detect", f"bleed in the brain {summary['classes']['intraparenchymal']['probability']:.2f}", film


def xray(data: Path, work: Path) -> tuple[str, str, Film]:
    """A test picture of the classifier with pneumonia, and Grad-CAM that comes and goes."""
    cohort = folded(data / "cxr-nih", 5)
    unseen = [case for case in cohort if (case.fold or 0) == 0 and case.labels["Pneumonia"] == 1]
    paths = [cohort.root / case.images["image"] for case in unseen[:8]]
    out = work / "xray"
    predict("finetune/cxr_pneumonia", paths, out, device="cpu", threads=1, force=True)
    found = {path: json.loads((out / path.stem / "summary.json").read_text(encoding="utf-8")) for path in paths}
    path = max(paths, key=lambda one: found[one]["classes"]["Pneumonia"]["probability"])
    picture = picture_of(np.asarray(Image.open(path).convert("L"), np.float32), (0, 255))
    glow = over(picture, np.load(out / path.stem / "heat_map.npy"))
    shares = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)
    film = [mixed(picture, glow, share) for share in shares]
    return "classify", f"pneumonia {found[path]['classes']['Pneumonia']['probability']:.2f}", film


def nuclei() -> tuple[str, str, Film]:
    """From noise to nuclei, where a drawn mask has them; first one stain, then the other."""
    generator, mask = Stopped("generate/nuclei"), ellipses(0)
    options = SampleOptions(steps=STEPS, sampler="euler")
    film: Film = []
    for caption in CAPTIONS:
        steps = []
        for last in range(1, STEPS + 1):
            generator.until = (last - 0.5) / STEPS
            (picture,) = generator.sample([Request(caption, mask, 1)], options)
            steps.append(np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture)
        outline = np.repeat((mask * 255)[..., None], 3, axis=2).astype(np.uint8)
        shown = [outline] * 3 + steps + [steps[-1]] * (FRAMES // 2 - 3 - STEPS)
        film += [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in shown]
    return "generate", "from a mask and words", film


class Stopped(Generator):
    """A generator whose flow stands still from the time `until` on."""

    until = 1.0

    def _velocity(self, *given: Any) -> Velocity:
        velocity = super()._velocity(*given)
        return lambda x, t: velocity(x, t) if t < self.until else 0 * x


def beat(scan: Scan, is_mask: bool = False) -> Film:
    """The middle slice over time, cut to the heart in the middle of the field."""
    k = scan.shape[4] // 2
    film_TJI = np.asarray(to_view(scan, "upright", k=slice(k, k + 1)), np.float32)[:, 0]
    rows, columns = film_TJI.shape[1:]
    high, wide = slice(rows // 4, rows - rows // 4), slice(columns // 4, columns - columns // 4)
    window = (0.0, 255.0) if is_mask else tuple(np.percentile(film_TJI[:, high, wide], (1, 99.5)))
    way = Image.Resampling.NEAREST if is_mask else Image.Resampling.BICUBIC
    return [picture_of(frame[high, wide], window, way) for frame in film_TJI]


def picture_of(
    values_JI: NDArray[np.float32], window: Sequence[float], way: Image.Resampling = Image.Resampling.BICUBIC
) -> NDArray[np.uint8]:
    """Grey levels of a window as a square picture of the sheet, (J, I, 3)."""
    levels = np.clip((values_JI - window[0]) / (window[1] - window[0]), 0, 1) * 255
    image = Image.fromarray(levels.round().astype(np.uint8)).resize((SIDE, SIDE), way)
    return np.repeat(np.asarray(image)[..., None], 3, axis=2)


def over(picture: NDArray[np.uint8], heat_JI: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The picture with the hottest places of a map in colour."""
    known = np.nan_to_num(np.asarray(heat_JI, np.float32), nan=float(np.nanmin(heat_JI)))
    heat = gaussian_filter(np.asarray(Image.fromarray(known).resize((SIDE, SIDE), Image.Resampling.BILINEAR)), 3)
    low, high = np.percentile(heat, (80, 99.8))
    share = np.clip((heat - low) / (high - low), 0, 1)[..., None]
    colour = colormaps["inferno"](0.35 + 0.6 * share[..., 0])[..., :3] * 255
    return (picture * (1 - 0.65 * share) + colour * 0.65 * share).astype(np.uint8)


def mixed(first: NDArray[np.uint8], second: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """Between two pictures."""
    return (first * (1 - share) + second.astype(float) * share).astype(np.uint8)


def sheet(panels: Sequence[tuple[str, str, NDArray[np.uint8]]]) -> Image.Image:
    """The panels of one moment side by side, with their words."""
    width = len(panels) * (SIDE + GAP) + GAP
    image = Image.new("RGB", (width, SIDE + GAP + FOOT), PAPER)
    draw = ImageDraw.Draw(image)
    for number, (title, words, picture) in enumerate(panels):
        left = GAP + number * (SIDE + GAP)
        image.paste(Image.fromarray(picture), (left, GAP))
        draw.text((left, SIDE + GAP + 6), title, INK, _font("bold", 17))
        draw.text((left, SIDE + GAP + 28), words, QUIET, _font("normal", 13))
    return image


def _font(weight: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(
        font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight)), size
    )


if __name__ == "__main__":
    main()
