"""The requested subject: body, volumes, ejection fractions and mass that fit one of the five groups.

Criteria of the groups: Bernard et al. 2018, doi 10.1109/TMI.2018.2837502, and the rules on the pages of the challenge:
DCM has LV EDV > 100 mL/m2, LV EF < 40 % and a wall under 12 mm, HCM has LV EF > 55 %, mass > 110 g/m2 and segments
thicker than 15 mm, MINF has LV EF < 40 % and segments that do not contract, RV has RV EDV > 110 mL/m2 or RV EF < 40 %,
normal hearts have LV EDV < 90 (men) or 80 (women) mL/m2, RV EDV < 100 mL/m2, LV EF > 50 % and RV EF > 45 %. No means
of these groups are published with them, so the means come from other cohorts, truncated at the criteria:

- normal LV EDV/BSA 81 (12) and 76 (10) mL/m2, men and women: Kawel-Boehm et al. 2015, doi 10.1186/s12968-015-0111-7;
- normal LV EF 58 (5) and 61 (5) %, mass 53 (9) and 42 (7) g/m2, papillary muscles counted as cavity as in ACDC:
  Petersen et al. 2017, doi 10.1186/s12968-017-0327-9;
- normal RV EDV over LV EDV 0.85 to 1.15: Aquaro et al. 2017 (J Magn Reson Imaging, reference values by cine bSSFP);
- DCM as heart failure without infarct, MINF as with infarct, HCM as hypertrophy in the Sunnybrook Cardiac Data
  (Radau et al. 2009): EDV 234 (63), 245 (86), 114 (50) mL; EF 33 (13), 32 (12), 63 (9) %; mass 194 (39), 201 (45),
  176 (86) g.

Both ventricles eject the same volume, which gives the RV EF. Our own choice, without a source: the range of the RV EDV
of the group RV above its criterion, and the distributions of height and weight of adults. Body surface after Mosteller
1987.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vesalius.errors import UsageError
from vesalius.phantom.cine.options import CineOptions, Group
from vesalius.seeding import generator

MYOCARDIUM_G_PER_ML = 1.05
_TRIES = 10_000
_Draw = np.random.Generator
_FAILING = {
    "DCM": ((233.67, 63.21), (102.0, 190.0), (0.3309, 0.1307), (193.69, 39.01)),
    "MINF": ((244.92, 86.02), (70.0, 190.0), (0.3201, 0.1227), (201.32, 45.24)),
}
"""group -> LV EDV mL (mean, sd), its limits in mL/m2, LV EF, mass g."""


@dataclass(frozen=True)
class Subject:
    """What is requested of one phantom.

    Args:
        lv_edv_ml: volume of the LV cavity at end-diastole, papillary muscles included.
        lv_ef: ejection fraction of the left ventricle, 0 to 1.
        rv_edv_ml: volume of the RV cavity at end-diastole.
        rv_ef: ejection fraction of the right ventricle, 0 to 1.
        mass_g: LV mass without papillary muscles.
        rr_ms: length of a heart beat.
    """

    group: Group
    sex: Literal["F", "M"]
    height_cm: float
    weight_kg: float
    lv_edv_ml: float
    lv_ef: float
    rv_edv_ml: float
    rv_ef: float
    mass_g: float
    rr_ms: float

    @property
    def bsa_m2(self) -> float:
        return math.sqrt(self.height_cm * self.weight_kg / 3600)

    @property
    def lv_esv_ml(self) -> float:
        return self.lv_edv_ml * (1 - self.lv_ef)

    @property
    def rv_esv_ml(self) -> float:
        return self.rv_edv_ml * (1 - self.rv_ef)


def group_of(options: CineOptions, name: str) -> Group:
    """Return the group of a patient: by the number at the end of the name, so that groups alternate, else drawn."""
    number = re.search(r"\d+$", name)
    turn = int(number.group()) - 1 if number else int(generator(options.seed, "cine", name, "group").integers(1 << 30))
    return options.groups[turn % len(options.groups)]


def draw_subject(options: CineOptions, name: str) -> Subject:
    """Draw the requested body and heart; depends only on the seed and the name.

    Raises:
        UsageError: the name cannot be the name of a folder.

    Example:
        >>> draw_subject(CineOptions(groups=("DCM",)), "patient001").lv_ef < 0.4
        True
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UsageError("the name of a phantom may hold only letters, digits, - and _", fix="choose another name")
    group = group_of(options, name)
    draw = generator(options.seed, "cine", name, "subject")
    for _ in range(_TRIES):
        subject = _draw(draw, group)
        if _fits(subject):
            return subject
    raise AssertionError(f"no subject of the group {group} fits its criteria")


def _draw(draw: _Draw, group: Group) -> Subject:
    sex: Literal["F", "M"] = "M" if draw.random() < 0.55 else "F"
    man = sex == "M"
    height_cm = float(_normal(draw, (177.0, 7.0) if man else (164.0, 6.5), (145.0, 200.0)))
    weight_kg = float(_normal(draw, (26.0, 4.0), (18.0, 38.0)) * (height_cm / 100) ** 2)
    bsa = math.sqrt(height_cm * weight_kg / 3600)
    usual = _normal(draw, (81.0, 12.0) if man else (76.0, 10.0), (57.0, 89.0) if man else (56.0, 79.0)) * bsa
    if group in _FAILING:
        volume, limits, fraction, weight = _FAILING[group]
        edv = _normal(draw, volume, (limits[0] * bsa, limits[1] * bsa))
        ef, mass = _normal(draw, fraction, (0.12, 0.39)), _normal(draw, weight, (110.0, 300.0))
    elif group == "HCM":
        edv = _normal(draw, (114.39, 50.46), (40.0 * bsa, 90.0 * bsa))
        ef, mass = _normal(draw, (0.6272, 0.0922), (0.56, 0.78)), _normal(draw, (175.87, 85.7), (113 * bsa, 155 * bsa))
    else:
        edv, ef = usual, _normal(draw, (0.58, 0.05) if man else (0.61, 0.05), (0.51, 0.72))
        mass = bsa * _normal(draw, (53.0, 9.0) if man else (42.0, 7.0), (35.0, 71.0) if man else (30.0, 56.0))
    rv_edv = usual * _normal(draw, (1.0, 0.075), (0.85, 1.15))
    if group == "RV":
        rv_edv = bsa * draw.uniform(112.0, 150.0)
    rr_ms = _normal(draw, (900.0, 130.0), (600.0, 1300.0))
    return Subject(group, sex, round(height_cm, 1), round(weight_kg, 1), float(edv), float(ef), float(rv_edv),
                   float(edv * ef / rv_edv), float(mass), float(rr_ms))  # fmt: skip


def _fits(subject: Subject) -> bool:
    rv_edv = subject.rv_edv_ml / subject.bsa_m2
    if subject.group == "RV":
        return 0.15 < subject.rv_ef < 0.6
    if subject.group in ("NOR", "HCM"):
        return rv_edv < 99 and 0.46 < subject.rv_ef < 0.72
    thick = subject.group == "DCM" and subject.mass_g > 0.9 * subject.lv_edv_ml  # about 11 mm
    return 0.2 < subject.rv_ef < 0.72 and not thick


def _normal(draw: _Draw, mean_sd: tuple[float, float], limits: tuple[float, float]) -> float:
    for _ in range(_TRIES):
        value = float(draw.normal(*mean_sd))
        if limits[0] < value < limits[1]:
            return value
    raise AssertionError("the limits exclude nearly the whole normal distribution")
