"""The shape of the heart at any moment, as radii around the axis of the left ventricle.

Every border is star-shaped around the long axis: at depth z (mm below the valve plane at end-diastole) and angle theta
it has one radius. The LV cavity is a half ellipsoid cut at the valve plane, which comes down in systole while the apex
stays. The wall keeps its volume, so it thickens. The right ventricle is a crescent around the septum.

Letters: A angles (0 to the right of the picture, clockwise: 90 degrees is down), Z depths.
Emptying c is 0 at end-diastole and 1 at end-systole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.cine.subject import MYOCARDIUM_G_PER_ML, Subject

ANGLES = 720
"""Table entries around the axis: half a degree each."""
Table = NDArray[np.float64]

WIDEST = 0.15
"""Share of the length, from the base, where the LV is widest."""
ATRIAL_WALL_MM = 2.5
RV_WALL_MM = 3.0
_VALVE = 0.2
"""Height of the oblique tricuspid valve as a share of the length."""
_BULLET = 2.1
_SHAPE_INTEGRAL = WIDEST + _BULLET / (_BULLET + 1) * (1 - WIDEST)
_ROUNDNESS = {"NOR": (1.38, 1.55), "DCM": (1.14, 1.28), "HCM": (1.5, 1.68), "MINF": (1.25, 1.4), "RV": (1.38, 1.55)}
"""group -> range of length over width of the LV cavity."""
_TERRITORIES = {"LAD": -2.2, "LCX": 0.1, "RCA": 1.75}
"""Coronary artery -> middle of the wall it feeds, as an angle."""


@dataclass(frozen=True)
class Heart:
    """A heart in numbers; `endo_mm2`, `wall_mm2` and `rv_share` give its borders.

    Args:
        length_mm: from the valve plane to the apex of the LV cavity at end-diastole.
        shortening_mm: how far the valve plane comes down in systole.
        radius_mm2: square of the greatest radius of the LV cavity at end-diastole.
        contraction: share by which the cross-section of the cavity shrinks in systole where the wall is healthy.
        wall: factors on the wall at end-diastole and end-systole.
        rv_depth_mm: thickness of the RV crescent at end-diastole and end-systole.
        thickness_mm: thickness of the wall before the factor.
        rv_angle: middle of the RV.
        rv_half: half of the angle that the RV takes at the base.
        outline: small waves of the cross-section: amplitude and phase of 2 and 3 waves.
        flat_septum: flattening of the septum, 0 to 1.
        bump: extra thickness (share), its angle and its width: the septum in HCM.
        scar: share of thinning and of lost contraction, angle, half width, depth (share of the length), half depth.
    """

    length_mm: float
    shortening_mm: float
    radius_mm2: float
    contraction: float
    wall: tuple[float, float]
    rv_depth_mm: tuple[float, float]
    thickness_mm: float
    rv_angle: float
    rv_half: float
    outline: tuple[tuple[float, float], tuple[float, float]]
    flat_septum: float
    bump: tuple[float, float, float]
    scar: tuple[float, float, float, float, float, float]

    def base_mm(self, c: float) -> float:
        """Return the depth of the valve plane."""
        return self.shortening_mm * c

    def depth_share(self, z_Z: Table, c: float) -> Table:
        """Return the depth as a share of the length at emptying c: 0 the valve plane, 1 the apex of the cavity."""
        base = self.base_mm(c)
        return (z_Z - base) / (self.length_mm - base)

    def endo_mm2(self, z_Z: Table, c: float) -> Table:
        """Return the squared radius of the LV cavity, shape (Z, A); negative beyond the apex."""
        return self.radius_mm2 * self.endo_share(z_Z, c) * (1 - self.contraction * c * self.contracts(z_Z, c))

    def endo_share(self, z_Z: Table, c: float) -> Table:
        """Return the cavity before radius and contraction, shape (Z, A): 1 at its widest, negative beyond the apex."""
        share = self.depth_share(z_Z, c)[:, None]
        beyond = np.where(share > WIDEST, (share - WIDEST) / (1 - WIDEST), 0.6 * (share - WIDEST))
        (two, at_two), (three, at_three) = self.outline
        theta = angles()
        waves = two * np.cos(2 * (theta - at_two)) + three * np.cos(3 * (theta - at_three))
        flat = self.flat_septum * np.exp(-((turn(theta - self.rv_angle) / 0.7) ** 2)) * _fades(share, 0.75, 1.0)
        return (1 - np.sign(beyond) * np.abs(beyond) ** _BULLET) * (1 + waves - flat)

    def contracts(self, z_Z: Table, c: float) -> Table:
        """Return how well the wall moves, shape (Z, A): 1 healthy, 0 not at all; the atria do not move."""
        share = self.depth_share(z_Z, c)[:, None]
        return (1 - self.scar[1] * self._scar(share)) * np.clip(1 + share / 0.1, 0, 1)

    def wall_mm2(self, z_Z: Table, c: float) -> Table:
        """Return what the wall adds to the squared radius, before the factor `wall`, shape (Z, A)."""
        share = self.depth_share(z_Z, c)[:, None]
        at_rest = np.maximum(self.radius_mm2 * self.endo_share(self.length_mm * np.clip(share[:, 0], 0, 1), 0.0), 0)
        thick = self._thickness_mm(share)
        past_apex = np.maximum(z_Z[:, None] - self.length_mm, 0.0)
        return thick**2 + 2 * thick * np.sqrt(at_rest) - past_apex**2 * (past_apex > 0)

    def wall_factor(self, c: float) -> float:
        """Return the factor on `wall_mm2`."""
        return self.wall[0] + (self.wall[1] - self.wall[0]) * c

    def epi_mm2(self, z_Z: Table, c: float) -> Table:
        """Return the squared outer radius of the LV wall, shape (Z, A); that of a thin wall above the valves."""
        endo = np.maximum(self.endo_mm2(z_Z, c), 0)
        wall = self.wall_factor(c) * self.wall_mm2(z_Z, c)
        thin = ATRIAL_WALL_MM**2 + 2 * ATRIAL_WALL_MM * np.sqrt(endo)
        return endo + np.where(z_Z[:, None] < self.base_mm(c), thin, wall)

    def rv_share(self, z_Z: Table, c: float) -> Table:
        """Return the RV crescent before its depth, shape (Z, A): 1 at its deepest, 0 where there is none.

        Above the tricuspid valve it belongs to the right atrium, see `rv_below_valve`.
        """
        share = self.depth_share(z_Z, c)[:, None]
        half = self.rv_half * (1 - 0.38 * np.clip(share, 0, 1) ** 1.5)
        at = np.clip(turn(angles() - self.rv_angle) / half, -1, 1)
        tapers = np.clip(1 - np.clip(share / 0.92, 0, 1) ** 2.2, 0, 1) ** 0.75
        return (1 - np.abs(at) ** 2.6) ** 0.7 * (1 - 0.22 * at) * tapers

    def rv_below_valve(self, z_Z: Table, c: float) -> NDArray[np.bool_]:
        """Return where the crescent is ventricle, shape (Z, A): the tricuspid valve is oblique, lower at the back."""
        share = self.depth_share(z_Z, c)[:, None]
        front = 0.5 + 0.5 * turn(angles() - self.rv_angle) / self.rv_half
        return front > 0.9 - share / _VALVE

    def rv_mm(self, c: float) -> float:
        """Return the depth of the RV crescent."""
        return self.rv_depth_mm[0] + (self.rv_depth_mm[1] - self.rv_depth_mm[0]) * c

    def _thickness_mm(self, share: Table) -> Table:
        thins_out = 1 - 0.3 * np.clip((share - 0.55) / 0.45, 0, 1)
        extra, angle, width = self.bump
        bump = 1 + extra * np.exp(-((turn(angles() - angle) / width) ** 2)) * _fades(share, 0.6, 0.95)
        return self.thickness_mm * thins_out * bump * (1 - self.scar[0] * self._scar(share))

    def _scar(self, share: Table) -> Table:
        _, _, angle, width, depth, tall = self.scar
        return np.exp(-((turn(angles() - angle) / width) ** 4) - ((share - depth) / tall) ** 4)


def angles() -> Table:
    """Return the middle of every table entry, in (-pi, pi), shape (A,)."""
    return np.asarray((np.arange(ANGLES) + 0.5) * (2 * math.pi / ANGLES) - math.pi, np.float64)


def turn(angle: Table) -> Table:
    """Wrap angles to (-pi, pi)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def build_heart(subject: Subject, draw: np.random.Generator) -> Heart:
    """Draw a heart of about the right size; `fit_heart` makes its labelled volumes exact."""
    roundness = draw.uniform(*_ROUNDNESS[subject.group])
    edv, esv = subject.lv_edv_ml * 1000, subject.lv_esv_ml * 1000
    length = (4 * roundness**2 * edv / (math.pi * _SHAPE_INTEGRAL)) ** (1 / 3)
    radius = length / (2 * roundness)
    rv_angle = math.pi + draw.uniform(-0.15, 0.2)
    ratio = min(max(subject.rv_edv_ml / subject.lv_edv_ml, 0.5), 2.0)
    bump = (draw.uniform(0.3, 0.6), rv_angle + draw.uniform(0.1, 0.5), draw.uniform(0.8, 1.1))
    territory = _TERRITORIES[("LAD", "LAD", "LCX", "RCA")[draw.integers(4)]]
    scar = (draw.uniform(0.3, 0.45), draw.uniform(0.9, 1.05), territory + draw.uniform(-0.15, 0.15),
            draw.uniform(0.75, 1.05), draw.uniform(0.55, 0.8), draw.uniform(0.4, 0.55))  # fmt: skip
    shortening = length * 0.16 * min(subject.lv_ef / 0.6, 1.1)
    return Heart(
        length_mm=length,
        shortening_mm=shortening,
        radius_mm2=radius**2,
        contraction=1 - (esv / edv) / (1 - shortening / length),
        wall=(1.0, 1.0),
        rv_depth_mm=(30.0, 20.0),
        thickness_mm=_mean_thickness_mm(radius, length, subject.mass_g * 1000 / MYOCARDIUM_G_PER_ML),
        rv_angle=rv_angle,
        rv_half=1.12 + 0.22 * (ratio - 1),
        outline=((draw.uniform(0.01, 0.05), draw.uniform(0, math.pi)), (draw.uniform(0.0, 0.02), draw.uniform(0, 2))),
        flat_septum=draw.uniform(0.15, 0.4) if subject.group == "RV" else 0.0,
        bump=bump if subject.group == "HCM" else (0.12, *bump[1:]),
        scar=scar if subject.group == "MINF" else (0.0, 0.0, *scar[2:]),
    )


def _mean_thickness_mm(radius: float, length: float, wall_mm3: float) -> float:
    low, high = 0.0, 60.0
    for _ in range(40):
        middle = (low + high) / 2
        volume = math.pi * _SHAPE_INTEGRAL * ((radius + middle) ** 2 * (length + middle / 2) - radius**2 * length)
        low, high = (middle, high) if volume < wall_mm3 else (low, middle)
    return (low + high) / 2


def _fades(share: Table, start: float, end: float) -> Table:
    return np.clip((end - share) / (end - start), 0, 1)
