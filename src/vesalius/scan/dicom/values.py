"""Reading attributes of a pydicom data set that may be damaged: a value, or None where absent or unreadable.

pydicom converts values on first access and raises nearly anything on damaged ones; all of that is caught here and
nowhere else. Messages never repeat a value, because it may name a patient.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import cache
from typing import Any

from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

_DAY_MS = 86_400_000.0
_LOCK = threading.Lock()
_HUSHED: list[ExitStack] = []
_USERS: list[int] = [0]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom's warnings about values that break the standard; this package judges them.

    The warning filters are shared by all threads of the process: the first user sets them, the last restores them.
    """
    with _LOCK:
        _USERS[0] += 1
        if _USERS[0] == 1:
            hushed = ExitStack()
            hushed.enter_context(warnings.catch_warnings())
            hushed.enter_context(config.disable_value_validation())
            warnings.simplefilter("ignore")
            _HUSHED.append(hushed)
    try:
        yield
    finally:
        with _LOCK:
            _USERS[0] -= 1
            if _USERS[0] == 0:
                _HUSHED.pop().close()


@cache
def _tag(keyword: str) -> BaseTag | None:
    tag = tag_for_keyword(keyword)
    return None if tag is None else Tag(tag)


def value(data: Dataset | None, keyword: str) -> Any:
    """Return the value of an attribute, or None where it is absent, empty or unreadable."""
    tag = _tag(keyword)
    if data is None or tag is None or tag not in data:  # `data.get` is far slower for absent attributes
        return None
    try:
        stated = data[tag].value
    except Exception:  # conversion of a damaged value
        return None
    return None if stated is None or stated == "" else stated


def holds(data: Dataset | None, keyword: str) -> bool:
    """True where an attribute is present and not empty, readable or not."""
    tag = _tag(keyword)
    if data is None or tag is None or tag not in data:
        return False
    try:
        stated = data.get_item(tag).value
    except Exception:  # conversion of a damaged value
        return True
    if isinstance(stated, bytes):
        return bool(stated.strip(b" \0"))
    return stated is not None and str(stated).strip(" \0") not in ("", "[]")


def text(data: Dataset | None, keyword: str) -> str:
    """Return the attribute as text without outer blanks; "" where it is absent."""
    stated = value(data, keyword)
    return "" if stated is None else str(stated).strip(" \0")


def words(data: Dataset | None, keyword: str) -> tuple[str, ...]:
    """Return all values of an attribute as text."""
    stated = value(data, keyword)
    if stated is None or isinstance(stated, bytes):
        return ()
    try:
        return (str(stated),) if isinstance(stated, str | int | float) else tuple(str(word) for word in stated)
    except Exception:  # a damaged item
        return ()


def numbers(data: Dataset | None, keyword: str) -> tuple[float, ...]:
    """Return all values of a numeric attribute; () where it is absent or a value is not a finite number."""
    stated = value(data, keyword)
    if stated is None or isinstance(stated, bytes):
        return ()
    return finite([stated] if isinstance(stated, (str, float, int)) else stated)


def finite(values: Any) -> tuple[float, ...]:
    """Return all values as numbers; () where a value is not a finite number."""
    try:
        many = tuple(float(entry) for entry in values)
    except (TypeError, ValueError, OverflowError):
        return ()
    return many if all(map(math.isfinite, many)) else ()


def number(data: Dataset | None, keyword: str) -> float | None:
    """Return the first value of a numeric attribute, or None."""
    many = numbers(data, keyword)
    return many[0] if many else None


def integer(data: Dataset | None, keyword: str) -> int | None:
    """Return the first value of a numeric attribute if it is a whole number, else None."""
    first = number(data, keyword)
    return None if first is None or first != int(first) else int(first)


def item(data: Dataset | None, keyword: str) -> Dataset | None:
    """Return the first item of a sequence, or None."""
    many = items(data, keyword)
    return many[0] if many else None


def items(data: Dataset | None, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; [] where it is absent or not a sequence."""
    stated = value(data, keyword)
    try:
        return [entry for entry in stated or () if isinstance(entry, Dataset)]
    except TypeError:
        return []


def clock_ms(data: Dataset | None, day_keyword: str, time_keyword: str) -> float | None:
    """Return milliseconds from a date (DA) and a time (TM) attribute; all results share one zero.

    A missing date leaves the time of day. Only differences of results mean anything.
    """
    day, moment = text(data, day_keyword), text(data, time_keyword).replace(":", "")
    if not moment[:2].isdigit():
        return None
    return _from_digits(day if len(day) == 8 and day.isdigit() else "00000000", moment)


def moment_ms(data: Dataset | None, keyword: str) -> float | None:
    """Return milliseconds from a DT attribute (the offset from UTC is ignored), or None."""
    stated = text(data, keyword).split("+")[0].split("-")[0]
    if len(stated) < 14 or not stated[:14].isdigit():
        return None
    return _from_digits(stated[:8], stated[8:])


def _from_digits(day: str, moment: str) -> float | None:
    try:
        hours, minutes, seconds = int(moment[:2]), int(moment[2:4] or 0), float(moment[4:] or 0)
    except ValueError:
        return None
    try:
        days = date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal()
    except ValueError:  # blanked dates such as 20120000
        days = 0
    return days * _DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000
