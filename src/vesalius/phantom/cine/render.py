"""The pictures of the beating heart: soft borders, papillary muscles, trabeculae, blood, and what the scanner adds.

The scanner adds receive coils, dark off-resonance bands and noise. Letters: I columns, J rows, K slices, A angles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.cine import paint
from vesalius.phantom.cine.grid import Grid
from vesalius.phantom.cine.heart import ANGLES, RV_WALL_MM, Heart, Table, angles, turn
from vesalius.phantom.cine.look import PLAIN, Look
from vesalius.phantom.cine.paint import Canvas, Field, Waves, draw_waves

_Part = tuple[slice, slice]
_PAPILLARIES = ((-0.75, 0.74), (0.95, 0.72))
"""Angle and share of the radius of the two papillary muscles: front and side, back and below."""
_COILS_MM = ((-95.0, -60.0), (-45.0, -112.0), (35.0, -118.0), (-118.0, 15.0), (105.0, 105.0), (130.0, 20.0))
"""Centres of the receive coils relative to the heart: most on the front of the chest, two at the back and side."""
_REACH_MM = 62.0
_NULL = 0.02
"""Narrowness of a band: about the share of the half-width at which the signal has fallen to one half."""


@dataclass(frozen=True, eq=False)
class Details:
    """Individual details of one heart, which change no label.

    Args:
        ridges: random heights of trabeculae: number of waves, phase, lean per mm of depth and height, for LV and RV.
        papillaries: angle, share of the radius, size in mm, of each muscle.
        fat_A: thickness of the fat on the heart at the base, in mm.
        rough: unevenness of the papillary muscles.
        flow: two fields between which the blood alternates.
        flow_strength: their share of the signal.
        look: factors on the signals of tissues and the height of trabeculae.
    """

    ridges: tuple[NDArray[np.float64], NDArray[np.float64]]
    papillaries: tuple[tuple[float, float, float], ...]
    fat_A: Table
    rough: Waves
    flow: tuple[Waves, Waves]
    flow_strength: float
    look: Look


def draw_details(heart: Heart, bmi: float, flow: float, draw: np.random.Generator, look: Look = PLAIN) -> Details:
    """Draw the details of a heart of a certain look."""
    papillaries = tuple(
        (angle + draw.normal(0, 0.12), share + draw.uniform(-0.05, 0.05), look.papillaries * draw.uniform(3.8, 5.4))
        for angle, share in _PAPILLARIES
    )
    ridges = (_draw_ridges(draw), _draw_ridges(draw))
    theta = angles()
    grooves = [heart.rv_angle - heart.rv_half, heart.rv_angle + heart.rv_half]
    fat = 0.9 + sum(6.0 * np.exp(-((turn(theta - groove) / 0.3) ** 2)) for groove in grooves)
    fat = fat + 4.0 * np.exp(-((turn(theta - heart.rv_angle) / 0.9) ** 2))
    fat = fat * (0.5 + 0.06 * max(bmi - 18, 0)) * draw.uniform(0.8, 1.2)
    rough, turning = draw_waves(draw, 9.0, 6), (draw_waves(draw, 26.0), draw_waves(draw, 26.0))
    return Details(ridges, papillaries, fat, rough, turning, 0.05 * flow * look.flow, look)


class HeartPainter:
    """Paints a heart that is fitted to the grid over the still body, slice by slice and frame by frame."""

    def __init__(self, heart: Heart, grid: Grid, details: Details) -> None:
        self._heart, self._grid, self._details = heart, grid, details
        places = grid.places_mm()
        self._x = (places[grid.window[0]][None, :] - grid.axis_K2[:, :1]).astype(np.float32)
        self._y = (places[grid.window[1]][None, :] - grid.axis_K2[:, 1:]).astype(np.float32)
        self._flow = [
            waves(self._x[:, :, None], self._y[:, None, :], grid.z_K[:, None, None]) for waves in details.flow
        ]
        self._rough = details.rough(self._x[:, :, None], self._y[:, None, :], grid.z_K[:, None, None])
        depths = [grid.z_K + shift * grid.thickness_mm / 2 for shift in (-0.6, 0.0, 0.6)]
        septum = (heart.rv_angle, heart.rv_angle + math.pi)
        self._sampled = [
            (z, [_ridges(ridges, z, smooth) for ridges, smooth in zip(details.ridges, septum, strict=True)])
            for z in depths
        ]
        self._edge_mm = 1.5 * grid.spacing_mm

    def paint(self, water_KIJ: Field, fat_KIJ: Field, c: float, phase: float) -> Field:
        """Return the magnitude of the window with the heart at emptying c, shape (K, I, J).

        Water and fat are those of the still body in the window. The phase of the beat, 0 to 1, moves the blood.
        """
        borders = self._borders(c)
        turned = np.float32(math.cos(2 * math.pi * phase)), np.float32(math.sin(2 * math.pi * phase))
        result = np.empty_like(water_KIJ)
        np.abs(water_KIJ - fat_KIJ, out=result)
        for k in range(self._grid.slices):
            part = self._part(k, borders["fat"][1][k])
            canvas = Canvas(water_KIJ[k][part].copy(), fat_KIJ[k][part].copy(), self._edge_mm)
            flow = turned[0] * self._flow[0][k][part] + turned[1] * self._flow[1][k][part]
            self._paint_slice(canvas, k, part, borders, np.float32(self._details.flow_strength) * flow, c)
            result[k][part] = canvas.magnitude()
        return result

    def _part(self, k: int, outer_A: Table) -> _Part:
        """Return the columns and rows of the window that the heart and the aortic root take in slice k."""
        reach = np.maximum(
            outer_A, 2.0 * math.sqrt(self._heart.radius_mm2) * (self._grid.z_K[k] < self._heart.base_mm(1.0))
        )
        i, j = reach * np.cos(angles()), reach * np.sin(angles())
        edge = 2 * self._edge_mm
        return (slice(*np.searchsorted(self._x[k], [i.min() - edge, i.max() + edge])),
                slice(*np.searchsorted(self._y[k], [j.min() - edge, j.max() + edge])))  # fmt: skip

    def _paint_slice(
        self, canvas: Canvas, k: int, part: _Part, borders: dict[str, tuple[Table, Table]], flow: Field, c: float
    ) -> None:
        cover = {name: self._cover(k, part, low[k], high[k]) for name, (low, high) in borders.items()}
        look = self._details.look
        muscle = look.muscle * paint.MYOCARDIUM
        rv_blood, lv_blood = look.rv_blood * 0.93 * paint.BLOOD * (1 + 1.5 * flow), paint.BLOOD * (1 + flow)
        canvas.lay(cover["fat"], 0.02, look.fat * paint.FAT)
        canvas.lay(cover["heart"], muscle)
        canvas.lay(cover["rv"], rv_blood)
        canvas.lay(cover["rv"] - cover["rv core"], 0.55)
        canvas.lay(cover["epi"], muscle)
        canvas.lay(cover["endo"], 0.7 * muscle + 0.3 * paint.BLOOD)
        canvas.lay(cover["core"], lv_blood)
        self._paint_papillaries(canvas, k, part, c, cover["endo"])
        self._paint_root(canvas, k, part, c, lv_blood)

    def _cover(self, k: int, part: _Part, low_A: Table, high_A: Table) -> Field:
        """Return the cover inside a border that runs from `low_A` to `high_A` mm across the slice."""
        edge = self._edge_mm
        end = (high_A + edge / 2).astype(np.float32)
        slope = (1 / (high_A - low_A + edge)).astype(np.float32)
        angle = self._grid.angle_KIJ[k][part]
        cover = end.take(angle)
        cover -= self._grid.radius_KIJ[k][part]
        cover *= slope.take(angle)
        return np.clip(cover, 0, 1, out=cover)

    def _borders(self, c: float) -> dict[str, tuple[Table, Table]]:
        """Return the least and greatest radius of each border within each slice, shapes (K, A)."""
        sampled = [self._borders_at(z, ridges, c) for z, ridges in self._sampled]
        return {
            name: (
                np.minimum.reduce([radii[name] for radii in sampled]),
                np.maximum.reduce([radii[name] for radii in sampled]),
            )
            for name in sampled[0]
        }

    def _borders_at(self, z: Table, ridges: list[Table], c: float) -> dict[str, Table]:
        heart, details = self._heart, self._details
        share = heart.depth_share(z, c)[:, None]
        apical = np.clip(share, 0, 1)
        endo = np.sqrt(np.maximum(heart.endo_mm2(z, c), 0))
        epi = np.sqrt(np.maximum(heart.epi_mm2(z, c), 0))
        crescent = heart.rv_mm(c) * heart.rv_share(z, c)
        lv_ridges = details.look.ridges * ridges[0] * (0.1 + 0.24 * apical) * (apical > 0)
        rv_ridges = details.look.ridges * ridges[1] * (0.05 + 0.35 * apical) * (apical > 0)
        rv = epi + crescent
        wall = RV_WALL_MM * np.clip(crescent / 4.0, 0, 1)
        outer = np.maximum(rv + wall, epi)
        fat = details.fat_A * (epi > 0) * np.clip(1.1 - 0.9 * apical, 0, 2)
        nothing_below = -2 * self._edge_mm
        return {
            "fat": np.where(epi > 0, outer + fat, nothing_below),
            "heart": np.where(epi > 0, outer, nothing_below),
            "rv": np.where(crescent > 0.2, rv, nothing_below),
            "rv core": np.where(crescent > 0.2, epi + crescent * (1 - rv_ridges), nothing_below),
            "epi": np.where(epi > 0, epi, nothing_below),
            "endo": np.where(endo > 0, endo, nothing_below),
            "core": np.where(endo > 0, endo * (1 - lv_ridges), nothing_below),
        }

    def _paint_papillaries(self, canvas: Canvas, k: int, part: _Part, c: float, endo: Field) -> None:
        share = float(self._heart.depth_share(self._grid.z_K[k : k + 1], c)[0])
        seen = float(np.clip((share - 0.18) / 0.1, 0, 1) * np.clip((0.82 - share) / 0.12, 0, 1))
        if seen == 0:
            return
        table = np.sqrt(np.maximum(self._heart.endo_mm2(self._grid.z_K[k : k + 1], c)[0], 0))
        for angle, place, size in self._details.papillaries:
            radius = float(table[int((angle + math.pi) / (2 * math.pi) * ANGLES) % ANGLES])
            away = radius * (place + 0.2 * share)
            x, y = (
                self._x[k][part[0], None] - away * math.cos(angle),
                self._y[k][None, part[1]] - away * math.sin(angle),
            )
            depth = paint.ellipse(x, y, (size * (1.5 - 0.2 * c), size), angle) + 1.0 * self._rough[k][part]
            canvas.lay(canvas.inside(depth) * endo * np.float32(seen), self._details.look.muscle * paint.MYOCARDIUM)

    def _paint_root(self, canvas: Canvas, k: int, part: _Part, c: float, blood: Field) -> None:
        grid, heart = self._grid, self._heart
        above = float(np.clip((heart.base_mm(c) - grid.z_K[k]) / grid.thickness_mm + 0.5, 0, 1))
        if above == 0:
            return
        away, angle = 1.0 * math.sqrt(heart.radius_mm2), heart.rv_angle + 0.55
        x, y = self._x[k][part[0], None] - away * math.cos(angle), self._y[k][None, part[1]] - away * math.sin(angle)
        root = paint.ellipse(x, y, (14.0, 13.0))
        canvas.lay(canvas.inside(root + 2.0) * np.float32(above), paint.MUSCLE)
        canvas.lay(canvas.inside(root) * np.float32(above), blood)


def coil_shading(grid: Grid, strength: float, draw: np.random.Generator) -> NDArray[np.float32]:
    """Return the sensitivity of the receive coils, shape (K, I, J); 1 at the heart."""
    places = grid.places_mm().astype(np.float32)
    x, y = places[None, :, None], places[None, None, :]
    heart = grid.axis_K2.mean(axis=0)
    depth = (grid.z_K - grid.z_K.mean())[:, None, None].astype(np.float32)
    total = np.zeros((grid.slices, grid.size, grid.size), np.float32)
    for a, b in _COILS_MM:
        at = (heart + np.array([a, b]) + draw.normal(0, 8.0, 2)).astype(np.float32)
        away = (x - at[0]) ** 2 + ((y - at[1]) ** 2 + (depth - draw.normal(20.0, 15.0)) ** 2)
        fall = np.float32(1) + away / np.float32(_REACH_MM**2)
        total += draw.uniform(0.7, 1.3) / (fall * fall)
    root = np.sqrt(total)
    i, j = (int(np.argmin(np.abs(grid.places_mm() - place))) for place in heart)
    even = root / root[grid.slices // 2, i, j]
    return (even**strength).astype(np.float32)


def banding(grid: Grid, strength: float, draw: np.random.Generator) -> NDArray[np.float32]:
    """Return the share of the signal that off-resonance leaves, shape (K, I, J); dark at half a turn of the spins."""
    x = grid.places_mm()[None, :, None] - grid.axis_K2[:, 0, None, None]
    y = grid.places_mm()[None, None, :] - grid.axis_K2[:, 1, None, None]
    z = (grid.z_K - grid.z_K.mean())[:, None, None]
    slope = draw.normal(0, 0.0022, 2)
    turns = slope[0] * x + slope[1] * y + 3.2e-5 * draw.uniform(0.5, 1.3) * (x * x + y * y)
    turns += draw.uniform(0.1, 0.25) * np.exp(-(((x - 40) / 30) ** 2 + ((y - 45) / 25) ** 2))  # lung meets diaphragm
    turns += 0.05 * draw_waves(draw, 120.0)(x, y, z) + draw.normal(0, 0.03)
    half = np.cos(math.pi * strength * turns / 2) ** 2
    return (half * (1 + _NULL) / (half + _NULL)).astype(np.float32)


def add_noise(signal_KIJ: NDArray[np.float32], sigma: float, draw: np.random.Generator) -> NDArray[np.float32]:
    """Return the magnitude of the signal with complex Gaussian noise of `sigma`: Rician (Gudbjartsson 1995)."""
    real, imaginary = (draw.standard_normal(signal_KIJ.shape, dtype=np.float32) for _ in range(2))
    real *= np.float32(sigma)
    real += signal_KIJ
    imaginary *= np.float32(sigma)
    real *= real
    imaginary *= imaginary
    real += imaginary
    return np.sqrt(real, out=real)


def _ridges(numbers: NDArray[np.float64], z: Table, septum: float) -> Table:
    """Return the heights of trabeculae around the wall, 0 to 1, shape (Z, A); few on the septum."""
    waves = np.zeros((len(z), ANGLES))
    for count, phase, lean, height in numbers.T:
        waves += height * np.cos(count * (angles() + 0.4 * lean * z[:, None]) + phase)
    rough = 1 - 0.8 * np.exp(-((turn(angles() - septum) / 1.1) ** 2))
    return np.clip(waves / 2.2, 0, 1) * rough


def _draw_ridges(draw: np.random.Generator) -> NDArray[np.float64]:
    numbers, phases = draw.integers(5, 27, 8), draw.uniform(0, 2 * math.pi, 8)
    return np.stack([numbers, phases, draw.normal(0, 0.1, 8), draw.uniform(0.3, 1, 8)])
