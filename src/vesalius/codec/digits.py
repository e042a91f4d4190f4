"""Numbers of few digits, which take less room in a header."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context


def at_least(value: float, digits: int = 6) -> float:
    """Return the least number of `digits` decimal digits that is not below `value`.

    Example:
        >>> at_least(0.24144672531769307), at_least(3.0)
        (0.241447, 3.0)
    """
    return float(Context(prec=digits, rounding=ROUND_CEILING).create_decimal(repr(float(value))))


def at_most(value: float, digits: int = 6) -> float:
    """Return the largest number of `digits` decimal digits that is not above `value`."""
    return float(Context(prec=digits, rounding=ROUND_FLOOR).create_decimal(repr(float(value))))
