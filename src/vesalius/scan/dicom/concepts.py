"""Coded concepts of the classes of label maps, for DICOM Segmentation: SNOMED CT, else a local code."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

LOCAL_SCHEME = "99VESALIUS"
"""Coding scheme of classes without a known concept; 99 marks private schemes."""
_MOST_VALUE, _MOST_MEANING = 16, 64


class Concept(NamedTuple):
    """A code with its scheme and its meaning in words."""

    value: str
    scheme: str
    meaning: str


ANATOMY = Concept("91723000", "SCT", "Anatomical Structure")
ABNORMAL = Concept("49755003", "SCT", "Morphologically Abnormal Structure")
REGION = Concept("309825002", "SCT", "Spatial and Relational Concept")
"""Categories (CID 7150); a class without a known concept is a region."""
KNOWN: dict[Concept, dict[Concept, tuple[str, ...]]] = {
    ANATOMY: {
        Concept("87878005", "SCT", "Left ventricle"): ("lv", "left ventricle"),
        Concept("53085002", "SCT", "Right ventricle"): ("rv", "right ventricle"),
        Concept("49848007", "SCT", "Left Ventricle Myocardium"): ("myo", "myocardium", "lv myocardium"),
        Concept("82471001", "SCT", "Left atrium"): ("left atrium",),
        Concept("73829009", "SCT", "Right atrium"): ("right atrium",),
        Concept("80891009", "SCT", "Heart"): ("heart",),
        Concept("15825003", "SCT", "Aorta"): ("aorta",),
        Concept("5366008", "SCT", "Hippocampus"): ("hippocampus",),
        Concept("12738006", "SCT", "Brain"): ("brain",),
        Concept("10200004", "SCT", "Liver"): ("liver",),
        Concept("64033007", "SCT", "Kidney"): ("kidney", "kidneys"),
        Concept("78961009", "SCT", "Spleen"): ("spleen",),
        Concept("39607008", "SCT", "Lung"): ("lung", "lungs"),
        Concept("15776009", "SCT", "Pancreas"): ("pancreas",),
        Concept("41216001", "SCT", "Prostate"): ("prostate",),
    },
    ABNORMAL: {
        Concept("108369006", "SCT", "Neoplasm"): ("tumour", "tumor", "neoplasm"),
        Concept("79654002", "SCT", "Edema"): ("oedema", "edema"),
        Concept("6574001", "SCT", "Necrosis"): ("necrosis",),
        Concept("50960005", "SCT", "Hemorrhage"): ("haemorrhage", "hemorrhage"),
        Concept("52988006", "SCT", "Lesion"): ("lesion",),
    },
}
"""Category -> type -> names of classes. In cine cohorts the myocardium is that of the left ventricle."""
_BY_NAME = {
    name: (category, kind) for category, kinds in KNOWN.items() for kind, names in kinds.items() for name in names
}


def concept_of(name: str) -> tuple[Concept, Concept]:
    """Return the category and the type of a class by its name.

    Example:
        >>> concept_of("LV")[1].meaning
        'Left ventricle'
        >>> concept_of("enhancing")[1]
        Concept(value='ENHANCING', scheme='99VESALIUS', meaning='enhancing')
    """
    plain = " ".join(re.split(r"[\W_]+", name.casefold())).strip()
    known = _BY_NAME.get(plain)
    return known if known is not None else (REGION, Concept(_local_value(name), LOCAL_SCHEME, name[:_MOST_MEANING]))


def _local_value(name: str) -> str:
    """The name as a code; of one that is no code the beginning of its SHA-256."""
    value = name.upper().replace(" ", "_")
    if re.fullmatch(rf"[A-Z0-9_-]{{1,{_MOST_VALUE}}}", value):
        return value
    return hashlib.sha256(name.encode()).hexdigest()[:_MOST_VALUE].upper()
