"""Class names from the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vesalius.errors import UsageError

_PAIR = re.compile(r"\s*(\d{1,9})\s*=\s*([^=,]*[^=,\s])\s*")
_LV = frozenset({"lv", "lvcavity", "lvbloodpool", "lvbp", "leftventricle", "leftventriclecavity"})
"""Names of the cavity of the left ventricle, without blanks and punctuation."""


def parse_classes(text: str) -> dict[int, str]:
    """Read label -> name from text such as "1=RV,2=MYO,3=LV".

    Raises:
        UsageError: another form, a repeated label or name, or a name for 0.

    Example:
        >>> parse_classes("1=RV, 3=LV cavity")
        {1: 'RV', 3: 'LV cavity'}
    """
    fix = "write --classes 1=RV,2=MYO,3=LV"
    names: dict[int, str] = {}
    for word in text.split(","):
        match = _PAIR.fullmatch(word)
        if match is None:
            raise UsageError(f"{word.strip()!r} is not LABEL=NAME", where="--classes", fix=fix)
        label, name = int(match[1]), match[2]
        if label == 0:
            raise UsageError("0 is background and is not measured", where="--classes", fix=fix)
        if label in names or name in names.values():
            raise UsageError(f"{word.strip()!r} names a label or uses a name again", where="--classes", fix=fix)
        names[label] = name
    return names


def lv_label(classes: Mapping[int, str], lv: int | None) -> int | None:
    """The label of the LV cavity: `lv` where given, else the class called LV, else None.

    Raises:
        UsageError: `lv` is not a measured class, or two classes are called LV.
    """
    if lv is None:
        labels = [label for label, name in classes.items() if re.sub(r"[\W_]", "", name).lower() in _LV]
        if len(labels) > 1:
            what = f"labels {labels[0]} and {labels[1]} are both called the LV cavity"
            raise UsageError(what, where="--classes", fix=f"pass --lv {labels[0]} or --lv {labels[1]}")
        return labels[0] if labels else None
    if lv < 1 or (classes and lv not in classes):
        known = f"there are {', '.join(map(str, classes))}" if classes else "labels start from 1"
        raise UsageError(f"{lv} is no class", where="--lv", fix=known)
    return lv
