"""One cine phantom: pictures, labels and the truth about them.

Letters: T frames, I columns, J rows, K slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from vesalius.phantom.cine.anatomy import Body
from vesalius.phantom.cine.grid import Grid, build_grid, draw_affine
from vesalius.phantom.cine.heart import Heart, build_heart
from vesalius.phantom.cine.labels import fit_heart, label, measure
from vesalius.phantom.cine.look import Look, cut_out, draw_look
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.render import HeartPainter, add_noise, banding, coil_shading, draw_details
from vesalius.phantom.cine.subject import Subject, draw_subject
from vesalius.scan.geometry import Affine
from vesalius.seeding import generator

_FILLING = ((0.0, 1.0), (0.1, 0.86), (0.3, 0.36), (0.42, 0.22), (0.72, 0.15), (0.82, 0.12), (0.93, 0.02), (1.0, 0.0))
"""Share of diastole -> emptying: fast filling, rest, the kick of the atria."""
_EJECTION = ((0.0, 0.0), (0.15, 0.05), (0.5, 0.55), (0.85, 0.95), (1.0, 1.0))
"""Share of systole -> emptying: the valves open a little after the first frame."""


@dataclass(frozen=True, eq=False)
class CinePatient:
    """A phantom and the truth about it.

    Args:
        name: e.g. "patient001"; it and the seed determine every draw.
        subject: the requested body and heart.
        image_TIJK: magnitude as a scanner stores it, int16.
        labels_TIJK: 0 background, 1 RV cavity, 2 LV myocardium, 3 LV cavity, uint8, every frame.
        affine: voxel centre to RAS+ mm.
        frame_ms: start of each frame.
        es_frame: the frame of end-systole, from 0; end-diastole is frame 0.
        facts: requested values and those measured from the labels, JSON-able.
    """

    name: str
    subject: Subject
    image_TIJK: NDArray[np.int16]
    labels_TIJK: NDArray[np.uint8]
    affine: Affine
    frame_ms: tuple[float, ...]
    es_frame: int
    facts: dict[str, Any]


def cine_patients(options: CineOptions) -> Iterator[CinePatient]:
    """Yield the patients of a cohort: patient001, patient002, ..."""
    for number in range(1, options.patients + 1):
        yield cine_patient(options, f"patient{number:03d}")


def cine_patient(options: CineOptions, name: str) -> CinePatient:
    """Return one patient; it depends on the options and the name, not on other patients.

    Raises:
        UsageError: the name cannot be the name of a folder.
    """
    subject = draw_subject(options, name)

    def draw(*what: str | int) -> np.random.Generator:
        return generator(options.seed, "cine", name, *what)

    look = draw_look(options.variety, draw("look"))
    heart = build_heart(subject, draw("heart"))
    grid = build_grid(heart, options, draw("grid"), look.place)
    heart = fit_heart(heart, grid, subject)
    es_frame = end_systole(options.frames, draw("cycle").uniform(0.32, 0.4))
    emptied = emptying(options.frames, es_frame)
    labels = np.zeros((options.frames, options.size, options.size, grid.slices), np.uint8)
    for t, c in enumerate(emptied):
        labels[t][grid.window] = label(heart, grid, float(c)).transpose(1, 2, 0)
    blood = draw("level").uniform(180, 420)
    image = _images(options, heart, grid, subject, look, emptied, blood, draw)
    affine = draw_affine(grid, draw("affine"))
    interval = round(subject.rr_ms / options.frames, 2)
    facts = {
        **measure(labels[[0, es_frame]], grid, subject),
        "noise_sigma": options.noise * blood,
        "blood_signal": blood,
        "slice_shift_mm": np.round(grid.shift_K3, 3).tolist(),
        "emptying": np.round(emptied, 4).tolist(),
    }
    if options.crop is not None:
        columns, rows = cut_out(labels, options.crop, draw("crop"))
        image, labels = image[:, columns, rows], labels[:, columns, rows]
        affine[:3, 3] += affine[:3, :2] @ (columns.start, rows.start)
    return CinePatient(name, subject, image, labels, affine,
                       tuple(round(interval * t, 2) for t in range(options.frames)), es_frame, facts)  # fmt: skip


def end_systole(frames: int, share: float) -> int:
    """Return the frame (from 0) of end-systole where systole takes `share` of the beat."""
    return min(max(round(frames * share), 2), frames - 3)


def emptying(frames: int, es_frame: int) -> NDArray[np.float64]:
    """Return the ejected share of the stroke volume, shape (T,): 0 at end-diastole (frame 0), 1 in frame `es_frame`.

    It rises until `es_frame` and falls after it; the beat is periodic.

    Example:
        >>> emptying(8, 3).round(2).tolist()
        [0.0, 0.28, 0.77, 1.0, 0.61, 0.23, 0.17, 0.13]
    """
    systole = [(es_frame * at, value) for at, value in _EJECTION]
    diastole = [(es_frame + (frames - es_frame) * at, value) for at, value in _FILLING[1:]]
    at, value = np.array(systole + diastole).T
    return np.clip(PchipInterpolator(at, value)(np.arange(frames)), 0.0, 1.0)


def _images(
    options: CineOptions,
    heart: Heart,
    grid: Grid,
    subject: Subject,
    look: Look,
    emptied: NDArray[np.float64],
    blood: float,
    draw: Callable[..., np.random.Generator],
) -> NDArray[np.int16]:
    bmi = subject.weight_kg / (subject.height_cm / 100) ** 2
    body = Body(heart, grid, bmi, draw("body"), look)
    water, fat = (np.stack(pair) for pair in zip(*(body.slice_at(k) for k in range(grid.slices)), strict=True))
    gain = blood * coil_shading(grid, options.shading, draw("coils")) * banding(grid, options.banding, draw("bands"))
    if options.variety:
        gain *= look.brightness(grid.slices, draw("slices"))[:, None, None]
    still = np.abs(water - fat) * gain
    painter = HeartPainter(heart, grid, draw_details(heart, bmi, options.flow, draw("details"), look))
    window = (slice(None), *grid.window)
    image = np.empty((len(emptied), options.size, options.size, grid.slices), np.int16)
    for t, c in enumerate(emptied):
        still[window] = painter.paint(water[window], fat[window], float(c), t / len(emptied)) * gain[window]
        noisy = add_noise(still, options.noise * blood, draw("noise", t))
        image[t] = np.rint(noisy, out=noisy).clip(0, np.iinfo(np.int16).max).astype(np.int16).transpose(1, 2, 0)
    return image
