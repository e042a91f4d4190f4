"""How far off is an ejection fraction that is read from noisy volumes, and which curve reads it best?

Beats are those of the cine phantom (fast filling, rest, the kick of the atria) with any ejection fraction from 15 to
70 %, begun anywhere; every frame gets noise of its own, and in the last table a few are missed altogether. Printed is
the mean error in points of EF and, after the slash, the mean absolute error. The first row is what must not be used.

    python bench/ejection.py
    python bench/ejection.py --model segment/cine_segresnet FOLDER   # real hearts in the layout of ACDC besides
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.cardiac import pumping
from vesalius.phantom.cine.patient import emptying, end_systole

Volumes = NDArray[np.float64]
FRAMES = (8, 10, 12, 16, 20, 25, 30, 35)
NOISE = ((0.0, 0.0), (0.02, 0.0), (0.05, 0.0), (0.1, 0.0), (0.03, 0.04))
"""Standard deviation as a share of EDV, and the share of frames that are half or 1.4 times as large as they should."""
BEATS, FINE = 400, 200


def median(volumes_T: Volumes, width: int) -> Volumes:
    shifted = [np.roll(volumes_T, step) for step in range(-(width // 2), width // 2 + 1)]
    return np.asarray(np.median(shifted, axis=0))


def harmonics(volumes_T: Volumes, count: int) -> Volumes:
    spectrum = np.fft.rfft(volumes_T)
    spectrum[count + 1 :] = 0
    return np.fft.irfft(spectrum, len(volumes_T))


CANDIDATES: dict[str, Callable[[Volumes], Volumes]] = {
    "largest - smallest": lambda volumes_T: volumes_T,
    "median of 3": lambda volumes_T: median(volumes_T, 3),
    "median of 5": lambda volumes_T: median(volumes_T, 5),
    "mean of 3": lambda volumes_T: (np.roll(volumes_T, 1) + volumes_T + np.roll(volumes_T, -1)) / 3,
    "1 harmonic": lambda volumes_T: harmonics(volumes_T, 1),
    "2 harmonics": lambda volumes_T: harmonics(volumes_T, 2),
    "3 harmonics": lambda volumes_T: harmonics(volumes_T, 3),
    "4 harmonics": lambda volumes_T: harmonics(volumes_T, 4),
    "median of 3, then 2": lambda volumes_T: harmonics(median(volumes_T, 3), 2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="real cines in the layout of ACDC")
    parser.add_argument("--model", default="segment/cine_segresnet")
    given = parser.parse_args()
    for noise, missed in NOISE:
        print(f"\nnoise {100 * noise:g} % of EDV, {100 * missed:g} % of the frames missed; frames of a beat:")
        table(noise, missed)
    if given.folder:
        real(given.model, given.folder)


def table(noise: float, missed: float) -> None:
    """Errors of all candidates, and of what the package does, over the number of frames."""
    draw = np.random.default_rng(0)
    errors: dict[str, list[str]] = {name: [] for name in (*CANDIDATES, "as in vesalius")}
    for frames in FRAMES:
        beats = [beat(draw, frames, noise, missed) for _ in range(BEATS)]
        for name in errors:
            points = np.array([ef(name, volumes_T) - truth for volumes_T, truth in beats])
            errors[name].append(f"{points.mean():+6.1f} /{np.abs(points).mean():5.1f}")
    print(" " * 20 + "".join(f"{frames:>15d}" for frames in FRAMES))
    for name, cells in errors.items():
        print(f"{name:20s}" + "".join(f"{cell:>15s}" for cell in cells))


def beat(draw: np.random.Generator, frames: int, noise: float, missed: float) -> tuple[Volumes, float]:
    """Volumes of the frames of a beat (EDV is 1), and its true ejection fraction in percent."""
    fraction = draw.uniform(0.15, 0.7)
    fine = 1 - fraction * emptying(FINE, end_systole(FINE, draw.uniform(0.3, 0.45)))
    at = (np.arange(frames) * FINE / frames + draw.uniform(0, FINE)) % FINE
    volumes_T = np.interp(at, np.arange(FINE + 1), np.append(fine, fine[0])) + draw.normal(0, noise, frames)
    is_missed = draw.random(frames) < missed
    volumes_T[is_missed] *= draw.choice([0.5, 1.4], is_missed.sum())
    return np.maximum(volumes_T, 0.01), 100 * fraction


def ef(name: str, volumes_T: Volumes) -> float:
    if name in CANDIDATES:
        curve_T = CANDIDATES[name](volumes_T)
        return float(100 * (1 - curve_T.min() / curve_T.max()))
    return pumping(volumes_T).ef_percent


def real(model: str, folder: Path) -> None:
    """The same of the volumes that a segmenter finds in real hearts, against the same volumes at the stated frames."""
    from vesalius.cohort.build import build_cohort
    from vesalius.cohort.ends import ends_of_case
    from vesalius.cohort.read import open_image
    from vesalius.tasks.segment.segmenter import Segmenter

    segmenter = Segmenter.from_pretrained(model)
    cavity = segmenter.settings.labels[segmenter.settings.cavity or "lv"][0]
    cohort = build_cohort("acdc", folder)
    errors: dict[str, list[float]] = {}
    for case in cohort:
        ends = ends_of_case(case)
        labels: Any = segmenter(open_image(cohort, case, "image")).stored()[0]
        volumes_T = (labels == cavity).sum((1, 2, 3)).astype(float)
        if ends is None or not volumes_T.all():
            continue
        stated = 100 * (1 - volumes_T[ends.es] / volumes_T[ends.ed])
        for name in (*CANDIDATES, "as in vesalius"):
            errors.setdefault(name, []).append(ef(name, volumes_T) - stated)
    print(f"\n{model} on {len(next(iter(errors.values()), []))} real hearts, against its volumes at the stated frames:")
    for name, points in errors.items():
        print(f"{name:20s} {np.mean(points):+6.1f} /{np.mean(np.abs(points)):5.1f}")


if __name__ == "__main__":
    main()
