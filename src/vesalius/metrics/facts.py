"""What is known of a case besides its picture: age, sex, view, and the groups that they make.

Facts are those of a manifest (`Case.facts`), written as each source writes them: 55, "055Y", "Male", "pa".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

Fact = str | int | float | bool
Facts = Mapping[str, Fact]
AGE, SEX, VIEW = "age", "sex", "view"
AGE_BANDS = ((0, 18), (18, 40), (40, 60), (60, 80), (80, 121))
"""Years from which, and below which, a case belongs to a band."""
UNKNOWN = "unknown"
_AGE = re.compile(r"0*(?P<number>\d+(\.\d+)?)\s*(?P<unit>[YMWD]?)", re.IGNORECASE)
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 1 / 52.18, "D": 1 / 365.25}
_SEXES = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M"}


def age_of(facts: Facts) -> float | None:
    """Return the age in years; None where it is unknown or no age of a human (ChestX-ray14 holds 414).

    Example:
        >>> age_of({"age": "055Y"}), age_of({"age": "006M"}), age_of({"age": 414})
        (55.0, 0.5, None)
    """
    given = facts.get(AGE)
    match = _AGE.fullmatch(str(given).strip()) if given is not None and not isinstance(given, bool) else None
    if match is None:
        return None
    years = float(match["number"]) * _YEARS[match["unit"].upper()]
    return years if years < AGE_BANDS[-1][1] else None


def sex_of(facts: Facts) -> str | None:
    """Return "F" or "M"; None where it is neither."""
    return _SEXES.get(str(facts.get(SEX, "")).strip().lower())


def view_of(facts: Facts) -> str | None:
    """Return the view in capitals, such as "PA", "AP" or "LATERAL"; None where it is unknown."""
    return str(facts.get(VIEW, "")).strip().upper() or None


def plain(facts: Facts) -> dict[str, str | float]:
    """Return age, sex and view, as far as they are known.

    Example:
        >>> plain({"age": 55, "sex": "Female", "view": "pa", "follow_up": 3})
        {'age': 55.0, 'sex': 'F', 'view': 'PA'}
    """
    known = {AGE: age_of(facts), SEX: sex_of(facts), VIEW: view_of(facts)}
    return {name: value for name, value in known.items() if value is not None}


def group_of(fact: str, value: str | float | None) -> str:
    """Return the name of the group that a value of `plain` belongs to; "unknown" for None.

    Example:
        >>> group_of("age", 55.0), group_of("sex", "F"), group_of("view", None)
        ('40 to 59', 'F', 'unknown')
    """
    if value is None:
        return UNKNOWN
    if fact != AGE:
        return str(value)
    low, high = next((low, high) for low, high in AGE_BANDS if float(value) < high)
    return f"{low} and older" if high == AGE_BANDS[-1][1] else f"{low} to {math.ceil(high) - 1}"
