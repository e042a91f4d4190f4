"""Individual anatomy of a head: drawn once per patient, the same in all of the patient's studies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vesalius.phantom.head_ct.fields import RandomField
from vesalius.phantom.head_ct.labels import Tissue
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.seeding import generator


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One patient's head. Lengths in mm, in the head's own frame.

    Args:
        age_years: age of the patient.
        atrophy: 0 (none) to 1 (severe): widens sulci, fissures and ventricles.
        half_width: half width of the cranial cavity at the ear line.
        half_length: half length of the cranial cavity, front to back.
        height: height from the ventricles to the vertex, within the skull.
        taper: narrowing from the back to the front, per mm.
        shear: sideways shift per mm forward (an oblique head).
        skull: thickness of the skull, mm.
        scalp: thickness of skin and fat over the vertex, mm.
        ventricles: size of the ventricles, 1 in a middle-aged adult, (left, right).
        sulci: half width of the sulci at the surface.
        gap: width of the subarachnoid space over the convexity.
        falx: half thickness of the falx.
        falx_bend: sideways bend of the falx.
        hu: mean HU of each tissue.
        calcified: names of calcified structures, with their size as a factor.
        gyri: folds of the cortex.
        cells: structure of diploe, mastoid cells and muscle.
        tissue: slow variation of HU, also shapes bleeds.
    """

    age_years: float
    atrophy: float
    half_width: float
    half_length: float
    height: float
    taper: float
    shear: float
    skull: float
    scalp: float
    ventricles: tuple[float, float]
    sulci: float
    gap: float
    falx: float
    falx_bend: float
    hu: dict[Tissue, float]
    calcified: dict[str, float]
    gyri: RandomField
    cells: RandomField
    tissue: RandomField


def draw_anatomy(options: HeadCtOptions, patient: int) -> Anatomy:
    """Draw the head of patient number `patient`, which depends only on the seed and that number."""
    random = generator(options.seed, "head-ct", patient, "anatomy")
    age = float(random.uniform(*options.age_years))
    atrophy = float(np.clip((age - 45) / 50 + random.normal(0, 0.16), 0, 1))
    size = random.normal(1, 0.03)
    ventricle = 0.72 + 0.75 * atrophy + random.normal(0, 0.08)
    lopsided = random.normal(0, 0.07)
    dense_falx = random.random() < options.lookalikes.dense_falx
    dense_vessels = random.random() < options.lookalikes.dense_vessels
    return Anatomy(
        age_years=age,
        atrophy=atrophy,
        half_width=66 * size * random.normal(1, 0.02),
        half_length=84 * size * random.normal(1, 0.02),
        height=76 * size * random.normal(1, 0.02),
        taper=0.0013 + random.normal(0, 0.0002),
        shear=random.normal(0, 0.018),
        skull=float(np.clip(random.normal(6.8, 0.9), 4.8, 9.5)),
        scalp=float(np.clip(random.normal(5.5, 1.5), 3, 10)),
        ventricles=(max(0.5, ventricle * (1 + lopsided)), max(0.5, ventricle * (1 - lopsided))),
        sulci=0.45 + 1.15 * atrophy,
        gap=0.9 + 2.3 * atrophy,
        falx=random.uniform(1.0, 1.5) if dense_falx else random.uniform(0.5, 0.8),
        falx_bend=random.normal(0, 1.2),
        hu=_draw_hu(random, dense_falx=dense_falx, dense_vessels=dense_vessels),
        calcified=_draw_calcified(options, random, age),
        gyri=RandomField.draw(random, 30.0),
        cells=RandomField.draw(random, 9.0),
        tissue=RandomField.draw(random, 26.0),
    )


def _draw_hu(random: np.random.Generator, *, dense_falx: bool, dense_vessels: bool) -> dict[Tissue, float]:
    """Draw the mean HU of each tissue; grey is always denser than white."""
    return {
        Tissue.AIR: -1000.0,
        Tissue.SKIN: random.uniform(25, 50),
        Tissue.FAT: random.uniform(-105, -85),
        Tissue.MUSCLE: random.uniform(48, 62),
        Tissue.COMPACT_BONE: random.uniform(1250, 1600),
        Tissue.DIPLOE: random.uniform(600, 900),
        Tissue.INNER_AIR: -990.0,
        Tissue.EYE: random.uniform(6, 14),
        Tissue.HEADREST: random.uniform(140, 220),
        Tissue.CSF: random.uniform(4, 11),
        Tissue.VENTRICLE: random.uniform(3, 9),
        Tissue.GREY: random.uniform(37, 41),
        Tissue.WHITE: random.uniform(26, 31),
        Tissue.DEEP_GREY: random.uniform(36, 40),
        Tissue.STEM: random.uniform(29, 33),
        Tissue.DURA: random.uniform(62, 78) if dense_falx else random.uniform(46, 56),
        Tissue.VESSEL: random.uniform(58, 72) if dense_vessels else random.uniform(40, 52),
        Tissue.CALCIFICATION: random.uniform(110, 300),
        Tissue.OEDEMA: random.uniform(17, 22),
    }


def _draw_calcified(options: HeadCtOptions, random: np.random.Generator, age: float) -> dict[str, float]:
    sizes = {name: float(random.uniform(0.6, 1.3)) for name in ("pineal", "plexus left", "plexus right", "pallidum")}
    older = 0.5 + age / 120
    present = random.random(4) < np.array([1.0, 0.8, 0.8, 1.0])
    if random.random() >= options.lookalikes.calcification * min(1.0, older):
        present[:3] = False
    present[3] = random.random() < options.lookalikes.basal_ganglia
    return {name: size for (name, size), is_present in zip(sizes.items(), present, strict=True) if is_present}
