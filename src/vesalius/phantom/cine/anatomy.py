"""The body around the heart, which stands still: chest wall, ribs, lungs with vessels, abdominal organs, aorta.

Places are in mm from the axis of the left ventricle: x to the right of the picture (the patient's left side), y down.
Letters: I columns, J rows, K slices.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.cine import paint
from vesalius.phantom.cine.grid import Grid
from vesalius.phantom.cine.heart import Heart, angles, turn
from vesalius.phantom.cine.look import PLAIN, Look
from vesalius.phantom.cine.paint import Canvas, Field, Waves, draw_waves, ellipse

Places = NDArray[np.float64]
_TURNED = -0.62
"""Rotation of the oblique section of the chest against the picture."""
_RIBS_MM = 36.0
"""Distance from rib to rib in the oblique section."""


class Body:
    """The drawn shape of one patient's chest, with room for the heart; the body mass index sets the fat of the skin."""

    def __init__(self, heart: Heart, grid: Grid, bmi: float, draw: np.random.Generator, look: Look = PLAIN) -> None:
        self._grid, self._look = grid, look
        self._bottom_K = _reach_down(heart, grid)
        self._fat_mm = 6.0 + 1.1 * max(bmi - 17.0, 0) * draw.uniform(0.8, 1.2)
        self._radii = (
            draw.uniform(112, 124) + self._fat_mm,
            draw.uniform(150, 175) + self._fat_mm,
            draw.uniform(185, 205) + self._fat_mm,
        )
        self._middle = np.array([0.58, 0.81]) * (self._radii[2] - self._fat_mm - draw.uniform(80, 92))
        self._pad = (heart.rv_angle + draw.uniform(0.0, 0.5), draw.uniform(20, 32))
        self._rib_phase = draw.uniform(0, 2 * math.pi)
        self._liver_end = draw.uniform(25, 50)
        self._stomach = (draw.uniform(38, 56), draw.uniform(18, 28), draw.uniform(32, 42), draw.uniform(17, 24))
        self._stomach_signal = (0.06, 0.55, 0.8)[draw.integers(3)]
        self._spleen = (draw.uniform(84, 98), draw.uniform(30, 42))
        self._bowel = [
            (draw.uniform(-70, 110), draw.uniform(20, 130), draw.uniform(-10, 100), draw.uniform(14, 24),
             draw.uniform(9, 15), draw.uniform(-1, 1), draw.choice([0.3, 0.45, 0.6, 0.85]))
            for _ in range(34)
        ]  # fmt: skip
        self._aorta = (draw.uniform(60, 72), draw.uniform(74, 90), draw.uniform(10, 12.5))
        self._waves: dict[str, Waves] = {
            name: draw_waves(draw, length, z_length_mm=depth)
            for name, length, depth in (
                ("tissue", 14.0, 30.0),
                ("liver", 34.0, 60.0),
                ("fat", 90.0, 120.0),
                ("wall", 70.0, 90.0),
                ("organs", 24.0, 30.0),
                ("lung", 20.0, 20.0),
            )
        }
        self._vessels = _draw_vessels(draw)

    def slice_at(self, k: int) -> tuple[Field, Field]:
        """Return water and fat of slice k, each of shape (I, J)."""
        grid = self._grid
        places = grid.places_mm()
        still = grid.axis_K2[k] - grid.shift_K3[k, :2]
        x, y = places[:, None] - still[0], places[None, :] - still[1]
        moved_x, moved_y = places[:, None] - grid.axis_K2[k, 0], places[None, :] - grid.axis_K2[k, 1]
        z = float(grid.z_K[k])
        canvas = Canvas(np.zeros((grid.size, grid.size), np.float32), np.zeros((grid.size, grid.size), np.float32),
                        1.5 * grid.spacing_mm)  # fmt: skip
        depth, round_the_wall = self._depth(x, y, z)
        wall = self._wall_mm(x, y, z)
        lung = canvas.inside(depth - wall)
        canvas.lay(np.ones_like(lung), paint.LUNG * (1 + 0.25 * self._waves["lung"](moved_x, moved_y, z)))
        self._paint_vessels(canvas, moved_x, moved_y, z)
        toward = turn(np.arctan2(moved_y, moved_x) - self._pad[0])
        pad = self._pad[1] * np.exp(-((toward / 0.55) ** 2)) - 3.0
        canvas.lay(canvas.inside(pad - (depth - wall)), 0.03, 0.8)
        self._paint_organs(canvas, moved_x, moved_y, z, k)
        self._paint_wall(canvas, depth, round_the_wall, x, y, z, lung)
        canvas.lay(1 - canvas.inside(depth))
        look = self._look
        texture = 1 + 0.05 * look.texture * self._waves["tissue"](moved_x, moved_y, z)
        return canvas.water * texture, look.fat * canvas.fat * (1 + 0.06 * self._waves["fat"](x, y, z))

    def _depth(self, x: Places, y: Places, z: float) -> tuple[Field, Field]:
        """Return the depth below the skin and the distance around the body, both in mm."""
        c, s = math.cos(_TURNED), math.sin(_TURNED)
        apex_ward = 0.45 * (z - 40.0)
        u0, v0 = x - self._middle[0] - 0.6 * apex_ward, y - self._middle[1] - apex_ward
        u, v = u0 * c + v0 * s, v0 * c - u0 * s
        side, far, b = self._radii
        a = np.where(u > 0, side, far)
        share = (np.abs(u / a) ** 2.5 + np.abs(v / b) ** 2.5) ** (1 / 2.5)
        angle = np.arctan2(v / b, u / a)
        return ((1 - share) * 0.93 * b).astype(np.float32), (angle * 0.5 * (far + b)).astype(np.float32)

    def _wall_mm(self, x: Places, y: Places, z: float) -> Field:
        return np.asarray(
            self._fat_mm * self._fat_share(x, y, z) + 13.0 + 1.2 * self._waves["wall"](x, y, z), np.float32
        )

    def _fat_share(self, x: Places, y: Places, z: float) -> Field:
        """Return the relative thickness of the fat under the skin: more at the side and below than over the sternum."""
        side = np.clip((x + 0.6 * y) / 160.0 + 0.5, 0.35, 1.5)
        return np.asarray(side + 0.1 * self._waves["wall"](y, x, z), np.float32)

    def _paint_wall(self, canvas: Canvas, depth: Field, way: Field, x: Places, y: Places,
                    z: float, lung: Field) -> None:  # fmt: skip
        fat = self._fat_mm * self._fat_share(x, y, z)
        canvas.lay(1 - lung, fat=paint.FAT)
        below = depth - fat
        outer = canvas.inside(below) * canvas.inside(4.5 - below)
        canvas.lay(outer * (1 - lung), paint.MUSCLE * (1 + 0.15 * self._waves["organs"](x, y, z)), 0.05)
        at = (way + 0.35 * z) / _RIBS_MM + self._rib_phase + 0.12 * self._waves["wall"](way, 0.0)
        rib = np.round(at)
        uneven = np.sin(2.4 * rib + self._rib_phase).astype(np.float32)
        from_rib = (np.abs(at - rib) * _RIBS_MM).astype(np.float32)
        bone = ellipse(from_rib, below - 9.0 + 0.08 * from_rib * uneven, (11.0, 4.0)) + 0.9 * uneven
        canvas.lay(canvas.inside(below - 5.0) * (1 - lung), 0.9 * paint.MUSCLE, 0.06)
        canvas.lay(0.85 * canvas.inside(bone), 0.1)
        canvas.lay(canvas.inside(bone - 1.3), 0.15, 0.5 + 0.1 * uneven)
        skin = canvas.inside(1.8 - depth)
        canvas.lay(skin, 0.3)

    def _paint_vessels(self, canvas: Canvas, x: Places, y: Places, z: float) -> None:
        for at_x, at_y, at_z, lean_x, lean_y, radius, signal, tall in self._vessels:
            seen = math.exp(-(((z - at_z) / tall) ** 2))
            if seen < 0.05:
                continue
            mid = (at_x + lean_x * (z - at_z), at_y + lean_y * (z - at_z))
            i = slice(*np.searchsorted(x[:, 0], [mid[0] - radius - 3, mid[0] + radius + 3]))
            j = slice(*np.searchsorted(y[0], [mid[1] - radius - 3, mid[1] + radius + 3]))
            part = Canvas(canvas.water[i, j], canvas.fat[i, j], canvas.edge_mm * 1.4)
            round_it = ellipse(
                x[i] - mid[0], y[:, j] - mid[1], (radius * (1 + abs(lean_x)), radius * (1 + abs(lean_y)))
            )
            part.lay(part.inside(round_it) * np.float32(seen), signal)

    def _paint_organs(self, canvas: Canvas, x: Places, y: Places, z: float, k: int) -> None:
        top = self._diaphragm(x, k)
        under = (y - top).astype(np.float32)
        cushion = (6.0 * np.exp(-(((x + 12.0) / 45.0) ** 2)) - 0.5).astype(np.float32)
        canvas.lay(canvas.inside(under + cushion), 0.02, 0.8 * paint.FAT)
        canvas.lay(canvas.inside(under), 0.2)
        below = canvas.inside(under - 1.6)
        canvas.lay(below, 0.03, 0.7 + 0.12 * self._waves["fat"](x, y, z))
        grain = self._waves["organs"](x, y, z)
        low = y - 0.5 * float(self._bottom_K.max() + self._bottom_K[k])
        for at_x, at_y, at_z, wide, tall, turned, signal in self._bowel:
            size = math.sqrt(max(1 - ((z - at_z) / 45.0) ** 2, 0))
            if size > 0.3:
                loop = ellipse(x - at_x, low - at_y, (wide * size, tall * size), turned) + 1.2 * grain
                canvas.lay(canvas.inside(loop) * below, 0.25)
                canvas.lay(canvas.inside(loop - 2.0) * below, signal * (1 + 0.2 * grain))
        at_x, at_y, wide, tall = self._stomach
        stomach = ellipse(x - at_x, low - at_y, (wide, tall), 0.25) + 1.5 * grain
        canvas.lay(canvas.inside(stomach) * below, paint.MUSCLE)
        canvas.lay(canvas.inside(stomach - 4.0) * below, self._stomach_signal * (1 + 0.25 * grain))
        spleen = ellipse(x - self._spleen[0], low - self._spleen[1], (24.0, 42.0), -0.3) + 1.5 * grain
        canvas.lay(canvas.inside(spleen) * below, paint.SPLEEN)
        edge = self._liver_end - 0.75 * under + 6 * self._waves["wall"](y * 1.0, 0.0, z)
        liver = canvas.inside(0.8 * (edge - x)) * below
        canvas.lay(liver, paint.LIVER)
        veins = canvas.inside(1.6 - 9.0 * np.abs(self._waves["liver"](x, y, z))) * canvas.inside(5.0 * (grain - 0.1))
        canvas.lay(veins * canvas.inside(under - 12.0) * canvas.inside(edge - 12.0 - x), 0.58)
        self._paint_aorta(canvas, x, y)

    def _paint_aorta(self, canvas: Canvas, x: Places, y: Places) -> None:
        at_x, at_y, radius = self._aorta
        spine = ellipse(x - at_x - 42, y - at_y - 44, (25.0, 21.0), 0.6)
        canvas.lay(canvas.inside(spine + 6.0), paint.MUSCLE)
        canvas.lay(canvas.inside(spine), paint.CORTEX)
        canvas.lay(canvas.inside(spine - 1.5), 0.2, 0.6)
        aorta = ellipse(x - at_x, y - at_y, (radius, radius))
        canvas.lay(0.6 * canvas.inside(aorta + 2.5), 0.15, 0.4)
        canvas.lay(canvas.inside(aorta + 1.2), 0.3)
        canvas.lay(canvas.inside(aorta), 0.95 * paint.BLOOD)

    def _diaphragm(self, x: Places, k: int) -> Places:
        """Return the y of the diaphragm at each x: under the heart, higher at the right dome, lower at the left."""
        under_heart = self._bottom_K[k] + 1.0
        right = 10.0 * np.exp(-(((x + 75.0) / 45.0) ** 2))
        left = 36.0 * np.sin(np.clip((x - 12.0) / 100.0, 0, 1) * (math.pi / 2)) ** 2
        wavy = 2.0 * self._waves["wall"](x, 0.0, float(self._grid.z_K[k])) * np.clip(np.abs(x) / 60.0, 0, 1)
        return np.asarray(under_heart - right + left + wavy)


def _reach_down(heart: Heart, grid: Grid) -> Places:
    """Return how far the heart reaches down in each slice at end-diastole, in mm, shape (K,)."""
    epi = np.sqrt(np.maximum(heart.epi_mm2(grid.z_K, 0.0), 0))
    outer = epi + heart.rv_mm(0.0) * heart.rv_share(grid.z_K, 0.0)
    return np.maximum((outer * np.sin(angles())).max(axis=1), 6.0)


def _draw_vessels(draw: np.random.Generator) -> list[tuple[float, ...]]:
    vessels: list[tuple[float, ...]] = []
    for _ in range(200):
        x, y = draw.uniform(-90, 120), draw.uniform(-110, 90)
        near = math.exp(-(((x - 55) / 45) ** 2 + ((y - 5) / 55) ** 2))
        radius = draw.uniform(0.7, 1.4) + 1.6 * near * draw.random()
        vessels.append((x, y, draw.uniform(-20, 110), draw.normal(0, 0.4), draw.normal(0, 0.4), radius,
                        draw.uniform(0.35, 0.75) + 0.3 * near, draw.uniform(7, 18)))  # fmt: skip
    return vessels
