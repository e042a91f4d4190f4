"""What tables of chest X-rays share: labels with a policy for uncertain ones, age, sex, frontal views.

The labeller of CheXpert (Irvin et al. 2019, arXiv:1901.07031) writes 1 for a positive finding, 0 for a negative and -1
for an uncertain one, and nothing for a finding that the report does not mention. MIMIC-CXR-JPG (Johnson et al. 2019,
arXiv:1901.07042) uses the same values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from vesalius.config import Config
from vesalius.csv_table import number_in
from vesalius.errors import InputError

_UNCERTAIN = -1.0
_AGE = re.compile(r"(\d{1,3})([YMWD])", re.ASCII)
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 1 / 52.18, "D": 1 / 365.25}
_SEXES = {"female": "F", "f": "F", "male": "M", "m": "M", "o": "O", "other": "O"}


class FindingOptions(Config):
    """Values of uncertain and unmentioned labels, and the views to keep."""

    uncertain: Literal["ones", "zeros", "ignore"] = Field(default="ignore", description="U-Ones, U-Zeros, U-Ignore")
    blank: Literal["zeros", "ignore"] = Field(default="zeros", description="a finding that is not mentioned")
    frontal: bool = Field(default=True, description="frontal views only; false: all views")

    @property
    def note(self) -> str:
        """The policies in words."""
        return f"uncertain labels: {self.uncertain}; findings not mentioned: {self.blank}"


def known_labels(cells: Mapping[str, str], options: FindingOptions, table: Path) -> dict[str, float]:
    """Return the labels of a row that are known under the policies.

    Raises:
        InputError: a label is not -1, from 0 to 1, or empty.
    """
    values = {name: _label(cell, options, table) for name, cell in cells.items()}
    return {name: value for name, value in values.items() if value is not None}


def age_years(written: str) -> int | float | None:
    """Return an age in years from "58", "058Y", "018M", ...; None where it is not one.

    Example:
        >>> age_years("058Y"), age_years("018M"), age_years("61"), age_years("")
        (58, 1.5, 61, None)
    """
    match = _AGE.fullmatch(written.strip().upper() + ("Y" if written.strip().isdecimal() else ""))
    if match is None:
        return None
    years = int(match[1]) * _YEARS[match[2]]
    return int(years) if match[2] == "Y" else round(years, 2)


def sex(written: str) -> str | None:
    """Return F, M or O for the ways in which tables write a sex; None for any other word ("Unknown")."""
    return _SEXES.get(written.strip().lower())


def _label(cell: str, options: FindingOptions, table: Path) -> float | None:
    if not cell:
        return 0.0 if options.blank == "zeros" else None
    try:
        value = number_in(cell)
    except ValueError:
        value = math.inf
    if math.isnan(value):
        return None
    if value == _UNCERTAIN:
        return {"ones": 1.0, "zeros": 0.0, "ignore": None}[options.uncertain]
    if not 0 <= value <= 1:
        raise InputError(f"label {cell[:20]!r} is none of 1, 0 and -1", where=table, fix="write 1, 0, -1 or nothing")
    return value
