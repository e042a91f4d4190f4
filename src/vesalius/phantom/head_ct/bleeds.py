"""Bleeds: where each type may lie, and how it fills that place up to its volume.

Every type has a compartment and a score; the blood fills the points of the compartment with the highest score. So the
volume is as requested, and no blood lies outside its compartment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.head_ct.anatomy import Anatomy
from vesalius.phantom.head_ct.fields import Points, Values
from vesalius.phantom.head_ct.head import HeadTissue
from vesalius.phantom.head_ct.labels import PATTERNS, BleedName, Tissue
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.seeding import generator

_PARENCHYMA = (Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY, Tissue.STEM)
_MOST = 0.85
"""Largest share of a compartment that blood fills."""
_PLACES: dict[str, tuple[float, float, float]] = {
    "temporal": (0.92, 0.05, 0.02),
    "frontal": (0.60, 0.72, 0.25),
    "parietal": (0.72, -0.35, 0.60),
    "basal ganglia": (25, 4, 5),
    "thalamus": (11, -10, 6),
    "lobar": (38, -25, 30),
    "cerebellum": (22, -52, -36),
    "pons": (3, -12, -28),
    "basal": (0, 8, -18),
    "sylvian": (38, 8, -3),
    "convexity": (38, -5, 48),
}
"""Epidural: direction from the centre; others: place in mm. For the right side."""


@dataclass(frozen=True)
class Bleed:
    """A requested bleed.

    Args:
        type: type, which sets its compartment.
        volume_ml: volume of its mask.
        hu: mean before noise.
        pattern: place within the compartment.
        side: 1 right, -1 left.
        jitter_mm: shift of its centre.
    """

    type: BleedName
    volume_ml: float
    hu: float
    pattern: str
    side: int
    jitter_mm: tuple[float, float, float]


def draw_bleeds(options: HeadCtOptions, patient: int, study: int) -> list[Bleed]:
    """Draw the bleeds of a study.

    Types, places and first sizes belong to the patient; at later studies the bleeds are smaller, darker or gone.
    """
    random = generator(options.seed, "head-ct", patient, "bleeds")
    if options.bleeds is not None:
        return [_draw(bleed.type, bleed.volume_ml, bleed.hu, bleed.pattern, random) for bleed in options.bleeds]
    first = []
    for name in _types(options, random):
        low, high = getattr(options.volume_ml, name.value)
        volume = float(np.exp(random.uniform(np.log(low), np.log(high))))
        older = random.random() < options.subacute
        hu = float(random.uniform(*(options.subacute_hu if older else options.acute_hu)))
        first.append(_draw(name, volume, hu, None, random))
    return [later for bleed in first if (later := _later(bleed, options, patient, study)) is not None]


def _types(options: HeadCtOptions, random: np.random.Generator) -> list[BleedName]:
    shares = options.prevalence
    if random.random() >= shares.any:
        return []
    chance = np.array([getattr(shares, name.value) for name in BleedName]) / shares.any
    present = random.random(len(chance)) < chance
    if not present.any():
        present[random.choice(len(chance), p=chance / chance.sum())] = True
    return [name for name, is_present in zip(BleedName, present, strict=True) if is_present]


def _draw(name: BleedName, volume: float, hu: float, pattern: str | None, random: np.random.Generator) -> Bleed:
    chosen = str(random.choice(PATTERNS[name]))
    side = int(random.choice([-1, 1]))
    x, y, z = random.normal(0, 5, 3).tolist()
    return Bleed(name, volume, hu, pattern or chosen, side, (x, y, z))


def _later(bleed: Bleed, options: HeadCtOptions, patient: int, study: int) -> Bleed | None:
    """Return the same bleed at study number `study`, from 0; None where it is gone."""
    random = generator(options.seed, "head-ct", patient, "follow-up", bleed.type.value)
    volume, hu = bleed.volume_ml, bleed.hu
    for _ in range(study):
        if random.random() < 0.2:
            return None
        volume *= random.uniform(0.4, 1.15)
        hu = max(options.subacute_hu[0], hu - random.uniform(2, 10))
    return replace(bleed, volume_ml=volume, hu=hu)


def compartment(bleed: Bleed, p: Points, head: HeadTissue) -> NDArray[np.bool_]:
    """Return the points where this bleed may lie."""
    tissue, depth, same = head.tissue_N, head.depth_N, head.side_N * np.float32(bleed.side)
    intracranial = tissue >= Tissue.CSF
    soft = intracranial & ~np.isin(tissue, (Tissue.DURA, Tissue.CALCIFICATION))
    match bleed.type:
        case BleedName.INTRAPARENCHYMAL:
            return np.isin(tissue, _PARENCHYMA)
        case BleedName.INTRAVENTRICULAR:
            return tissue == np.uint8(Tissue.VENTRICLE)
        case BleedName.SUBARACHNOID:
            return tissue == np.uint8(Tissue.CSF)
        case BleedName.EPIDURAL:
            return soft & (same > 2) & (depth < 38)
        case _ if bleed.pattern == "falx":
            return soft & (same > 0) & (same < 7) & (p.z > 12)
        case _:
            return soft & (same > 3) & (depth < 26) & (p.z > -22)


def score(bleed: Bleed, anatomy: Anatomy, p: Points, head: HeadTissue) -> Values:
    """Return how early blood reaches a point."""
    rough = anatomy.tissue.at(p)
    if bleed.type is BleedName.EPIDURAL:
        return -((_along_skull(bleed, anatomy, p) / 34) ** 2) - head.depth_N / np.float32(17) + np.float32(0.03) * rough
    if bleed.type is BleedName.SUBDURAL:
        if bleed.pattern == "falx":
            return -np.abs(head.side_N) - np.float32(0.03) * np.abs(p.y - np.float32(bleed.jitter_mm[1])) + rough
        return -((_along_skull(bleed, anatomy, p) / 80) ** 2) - head.depth_N / np.float32(10) + np.float32(0.06) * rough
    if bleed.type is BleedName.INTRAVENTRICULAR and bleed.pattern == "level":
        return -p.y - np.float32(3) * np.float32(head.side_N * bleed.side < 0)  # it sinks to the back
    place = _PLACES.get(bleed.pattern, (12.0, -15.0, 18.0))
    x, y, z = (middle + shift for middle, shift in zip(place, bleed.jitter_mm, strict=True))
    away = np.sqrt((p.x - np.float32(x * bleed.side)) ** 2 + (p.y - np.float32(y)) ** 2 + (p.z - np.float32(z)) ** 2)
    return (-away * (1 + np.float32(0.16) * rough)).astype(np.float32)


def fill(bleed: Bleed, anatomy: Anatomy, p: Points, head: HeadTissue, point_ml: float) -> NDArray[np.intp]:
    """Return the points that the blood fills."""
    allowed = np.flatnonzero(compartment(bleed, p, head))
    inside = p.at(allowed)
    part = HeadTissue(head.tissue_N[allowed], head.depth_N[allowed], head.side_N[allowed])
    count = min(round(bleed.volume_ml / point_ml), int(_MOST * len(allowed)))
    if count <= 0:
        return allowed[:0]
    order = np.argpartition(-score(bleed, anatomy, inside, part), count - 1)
    return allowed[order[:count]]


def _along_skull(bleed: Bleed, anatomy: Anatomy, p: Points) -> Values:
    x, y, z = _PLACES.get(bleed.pattern, (0.7, 0.0, 0.6)) if bleed.type is BleedName.EPIDURAL else (0.75, 0.0, 0.55)
    centre = np.array([x * bleed.side, y, z]) + np.array([0, *bleed.jitter_mm[1:]]) / 60
    centre /= np.linalg.norm(centre)
    radius = np.maximum(np.sqrt(p.x**2 + p.y**2 + p.z**2), np.float32(1))
    cosine = (p.x * np.float32(centre[0]) + p.y * np.float32(centre[1]) + p.z * np.float32(centre[2])) / radius
    along: Values = np.arccos(np.clip(cosine, -1, 1)).astype(np.float32) * np.float32(anatomy.half_width)
    return along
