"""A head at points: the tissue there, the depth below the inner table, and the HU before the scanner.

Letters: N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.head_ct.anatomy import Anatomy
from vesalius.phantom.head_ct.fields import Point, Points, Values, bump, ellipsoid, tube
from vesalius.phantom.head_ct.labels import Tissue

_ROUND = 2.35
"""Exponent of the superellipse of the skull: rounder than a box, fuller than an ellipse."""
_TABLE_MM = 1.7
"""Thickness of the compact inner and outer table."""
_CORTEX_MM = 3.3
_SULCUS_DEPTH_MM = 24.0
BELOW_TENTORIUM_Y = -6.0
PETROUS_Z = -33.0
"""Height of the petrous bones, where beam hardening shows."""


@dataclass(frozen=True, eq=False)
class HeadTissue:
    """Tissue of points in the head's own frame.

    Args:
        tissue_N: `Tissue` values.
        depth_N: mm below the inner table of the skull, negative outside; radial.
        side_N: signed distance in mm from the falx, positive on the right.
    """

    tissue_N: NDArray[np.uint8]
    depth_N: Values
    side_N: Values


def head_at(anatomy: Anatomy, p: Points) -> HeadTissue:
    """Build the head at the points."""
    x = p.x - np.float32(anatomy.shear) * p.y
    depth = _depth(anatomy, Points(x, p.y, p.z))
    side = x - np.float32(anatomy.falx_bend) * bump(p.y, 45.0)
    tissue = np.full(len(p), Tissue.AIR, np.uint8)
    _outside(tissue, anatomy, p, depth)
    inside = np.flatnonzero((depth > 0) & (p.z > _floor(p)))
    within = p.at(inside)
    tissue[inside] = _brain(anatomy, Points(x[inside], within.y, within.z), depth[inside], side[inside])
    return HeadTissue(tissue, depth, side)


def hu_of(anatomy: Anatomy, tissue_N: NDArray[np.uint8]) -> Values:
    """Return the mean HU of each tissue."""
    table = np.zeros(max(Tissue) + 1, np.float32)
    for tissue, hu in anatomy.hu.items():
        table[tissue] = hu
    return table[tissue_N]


def _depth(anatomy: Anatomy, p: Points) -> Values:
    """Return the radial distance to the inner table: centre to surface through the point, minus centre to point."""
    width = np.float32(anatomy.half_width) * (1 - np.float32(anatomy.taper) * p.y)
    up = np.where(p.z > 0, np.float32(anatomy.height), np.float32(1.25 * anatomy.height))
    power = np.float32(_ROUND)
    rho = (np.abs(p.x) / width) ** power + (np.abs(p.y) / np.float32(anatomy.half_length)) ** power
    rho = np.maximum((rho + (np.abs(p.z) / up) ** power) ** (1 / power), np.float32(1e-3))
    radius = np.sqrt(p.x**2 + p.y**2 + p.z**2)
    return (radius * (1 / rho - 1)).astype(np.float32)


def _floor(p: Points) -> Values:
    """Return the height of the skull base: three steps, deepest at the back, each higher in the middle."""
    front = np.float32(-22) - np.float32(14) / (1 + np.exp((p.y - 26 + np.float32(0.10) * np.abs(p.x)) / 5))
    back = np.float32(26) / (1 + np.exp((p.y + 14 - np.float32(0.25) * np.abs(p.x)) / 5))
    return (front - back - np.float32(0.0015) * p.x**2).astype(np.float32)


def _outside(tissue: NDArray[np.uint8], anatomy: Anatomy, p: Points, depth: Values) -> None:
    skull, scalp = anatomy.skull, anatomy.scalp
    bone = (depth <= 0) & (depth > -skull)
    middle = bone & (depth < -_TABLE_MM) & (depth > -skull + _TABLE_MM)
    soft = (depth <= -skull) & (depth > -skull - scalp)
    tissue[soft] = Tissue.FAT
    tissue[soft & (depth < -skull - scalp + 1.8)] = Tissue.SKIN
    tissue[bone] = Tissue.COMPACT_BONE
    tissue[middle] = Tissue.DIPLOE
    rest = (depth < -skull - scalp - 6) & (depth > -skull - scalp - 10) & (p.y < -0.6 * anatomy.half_length)
    tissue[rest] = Tissue.HEADREST
    below = np.flatnonzero((depth > -skull) & (p.z <= _floor(p)))
    tissue[below] = _face(anatomy, p.at(below), depth[below])


def _face(anatomy: Anatomy, p: Points, depth: Values) -> NDArray[np.uint8]:
    """Return the tissue below the skull base: bone, petrous bones with air cells, sinuses, eyes, muscle and fat."""
    floor = _floor(p)
    cells = anatomy.cells.at(p)
    tissue = np.where(anatomy.tissue.at(p) > 0.9, np.uint8(Tissue.FAT), np.uint8(Tissue.MUSCLE))
    tissue[depth < 1.5] = Tissue.COMPACT_BONE
    tissue[p.z > floor - 3.5] = Tissue.COMPACT_BONE
    for side in (-1.0, 1.0):
        ridge = tube(p, [(side * 16, 8, -34), (side * 38, -8, -36), (side * 58, -20, -38)], [5, 9, 11])
        tissue[(ridge < 0)] = Tissue.COMPACT_BONE
        mastoid = ellipsoid(p, (side * 52, -20, -44), (11, 13, 14)) < 1
        tissue[mastoid & (cells > -0.2)] = Tissue.INNER_AIR
        eye = ellipsoid(p, (side * 32, 68, -34), (12, 12, 12)) < 1
        tissue[(ellipsoid(p, (side * 32, 58, -34), (17, 24, 15)) < 1)] = Tissue.FAT
        tissue[eye] = Tissue.EYE
        maxillary = ellipsoid(p, (side * 27, 52, -62), (13, 15, 14)) < 1
        tissue[maxillary] = Tissue.INNER_AIR
    nose = (np.abs(p.x) < 11) & (p.y > 30) & (p.y < 74) & (p.z < -32)
    tissue[nose & (np.abs(np.abs(p.x) - 5.5) > 1.2)] = Tissue.INNER_AIR
    sphenoid = ellipsoid(p, (0, 22, -42), (13, 12, 9)) < 1
    tissue[sphenoid & (np.abs(p.x) > 0.8)] = Tissue.INNER_AIR
    return tissue


def _brain(anatomy: Anatomy, p: Points, depth: Values, side: Values) -> NDArray[np.uint8]:
    tissue = _cortex(anatomy, p, depth)
    _deep(tissue, p)
    _membranes(tissue, anatomy, p, side)
    _fluid(tissue, anatomy, p)
    _vessels(tissue, p, depth)
    _calcify(tissue, anatomy, p)
    return tissue


def _cortex(anatomy: Anatomy, p: Points, depth: Values) -> NDArray[np.uint8]:
    """Return white matter, a folded sheet of grey matter, and fluid in the folds and over the surface."""
    fold = np.abs(anatomy.gyri.at(p)) / np.float32(anatomy.gyri.slope_per_mm())
    reach = np.clip(1 - depth / np.float32(_SULCUS_DEPTH_MM), 0, 1)
    open_mm = np.float32(anatomy.sulci) * reach
    grey = (depth < anatomy.gap + _CORTEX_MM) | ((fold < open_mm + _CORTEX_MM) & (reach > 0.08))
    fluid = (depth < anatomy.gap) | ((fold < open_mm) & (reach > 0.12))
    tissue = np.where(grey, np.uint8(Tissue.GREY), np.uint8(Tissue.WHITE))
    tissue[fluid] = Tissue.CSF
    return tissue


def _deep(tissue: NDArray[np.uint8], p: Points) -> None:
    for sign in (-1.0, 1.0):
        for centre, radii in (
            ((sign * 10, -10, 6), (8, 14, 9)),
            ((sign * 25, 4, 4), (6, 16, 9)),
            ((sign * 13, 20, 13), (5, 9, 7)),
        ):
            tissue[ellipsoid(p, centre, radii) < 1] = Tissue.DEEP_GREY
    stem = tube(p, [(0, -14, -8), (0, -12, -30), (0, -24, -62)], [14, 14, 9])
    tissue[(stem < 2.5) & (p.z < -12) & (p.y > -16)] = Tissue.CSF
    tissue[stem < 0] = Tissue.STEM


def _membranes(tissue: NDArray[np.uint8], anatomy: Anatomy, p: Points, side: Values) -> None:
    away = np.abs(side)
    above = (p.z > 14) | (np.abs(p.y + 8) > 48)
    gap = np.float32(anatomy.falx + 0.2 + 0.45 * anatomy.gap)
    over_tent = p.z > _tentorium(p)
    tissue[above & over_tent & (away < gap) & (p.y < 75)] = Tissue.CSF
    tissue[above & over_tent & (away < anatomy.falx)] = Tissue.DURA
    sheet = np.abs(p.z - _tentorium(p))
    wide = (p.y < -22) | (np.abs(p.x) > 22)
    back = (p.y < BELOW_TENTORIUM_Y) & wide
    tissue[back & (sheet < 0.3 + 0.5 * anatomy.falx)] = Tissue.DURA


def _tentorium(p: Points) -> Values:
    """Return the height of the tentorium: a tent, high in the midline."""
    return np.float32(-8) - np.float32(0.32) * np.abs(p.x) + np.float32(0.08) * (p.y + 40)


def _fluid(tissue: NDArray[np.uint8], anatomy: Anatomy, p: Points) -> None:
    wide = 0.6 + anatomy.sulci
    away = np.abs(p.x)
    sheet = np.abs(p.y - 15 + np.float32(0.35) * (away - 30) + np.float32(0.5) * p.z)
    tissue[(away > 30) & (sheet < wide) & (np.abs(p.z + 1) < 13)] = Tissue.CSF
    insula = (np.abs(away - 33 - np.float32(0.06) * p.z) < 0.8 * wide) & (np.abs(p.y - 2) < 17) & (np.abs(p.z - 2) < 11)
    tissue[insula] = Tissue.CSF
    tissue[(ellipsoid(p, (0, 9, -18), (13, 10, 5)) < 1)] = Tissue.CSF
    for sign, size in zip((-1.0, 1.0), anatomy.ventricles[::-1], strict=True):
        line: list[Point] = [(sign * 7, 30, 12), (sign * 11, 10, 20), (sign * 15, -18, 22), (sign * 24, -36, 12)]
        body = tube(p, [*line, (sign * 25, -54, 6)], [3.4 * size, 4.6 * size, 5.0 * size, 6.2 * size, 2.6 * size])
        horn = tube(
            p, [(sign * 24, -36, 12), (sign * 33, -16, -10), (sign * 29, 4, -16)], [3.0 * size, 1.6 * size, 1.2]
        )
        tissue[(body < 0) | (horn < 0)] = Tissue.VENTRICLE
    size = float(np.mean(anatomy.ventricles))
    third = (np.abs(p.x) < 1.7 * size) & (ellipsoid(p, (0, 0, 2), (9, 13, 9)) < 1)
    tissue[third] = Tissue.VENTRICLE
    tissue[ellipsoid(p, (0, -36, -30), (6.5 * size, 5.5, 9)) < 1] = Tissue.VENTRICLE


def _vessels(tissue: NDArray[np.uint8], p: Points, depth: Values) -> None:
    basilar = tube(p, [(0, 3, -34), (0, 3, -20)], [1.6, 1.6])
    tissue[(basilar < 0) & (tissue == Tissue.CSF)] = Tissue.VESSEL
    for sign in (-1.0, 1.0):
        artery = tube(p, [(sign * 5, 9, -18), (sign * 22, 12, -14), (sign * 36, 8, -6)], [1.8, 1.5, 1.2])
        tissue[artery < 0] = Tissue.VESSEL
    sinus = (np.abs(p.x) < 4.5 - 0.6 * depth) & (depth < 7) & (p.y < 25) & (p.z > 0)
    tissue[sinus] = Tissue.VESSEL


def _calcify(tissue: NDArray[np.uint8], anatomy: Anatomy, p: Points) -> None:
    places: dict[str, list[tuple[Point, float]]] = {
        "pineal": [((0, -26, 7), 2.6)],
        "plexus left": [((-24, -37, 12), 3.4)],
        "plexus right": [((24, -37, 12), 3.4)],
        "pallidum": [((-20, 3, 4), 3.6), ((20, 3, 4), 3.6)],
    }
    for name, size in anatomy.calcified.items():
        for centre, radius in places[name]:
            tissue[ellipsoid(p, centre, (radius * size,) * 3) < 1] = Tissue.CALCIFICATION
