"""Pascal VOC boxes: Annotations/NAME.xml beside JPEGImages/NAME.jpg; ImageSets/Main/{train,val,test}.txt are splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from pydantic import Field

from vesalius.cohort.builders.boxes import BoxOptions, box_cases
from vesalius.cohort.builders.files import (
    PICTURES,
    by_name,
    expected,
    files_below,
    listed,
    named_part,
    relative,
    unknown_patients,
)
from vesalius.cohort.case import IMAGE, Box, Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError, UsageError
from vesalius.files import regular

_SPLITS = ("train", "val", "test")
_NO_PATIENTS = "no patients known: the boxes of one picture stay together; set patient=REGEX if names contain patients"


class VocOptions(BoxOptions):
    """What a case is, and its patient."""

    unit: Literal["picture", "box"] = Field(
        default="picture", description="what a case is: a picture with its boxes, or a square around each box"
    )
    patient: str | None = Field(
        default=None, description='regular expression for the patient in a file name, as "(?P<patient>[^_]+)_"'
    )


def build(folder: Path, options: VocOptions) -> Cohort:
    """Return one case for each annotated picture (facts count the boxes of each label), or for each box.

    Raises:
        InputError: no Annotations with pictures, or a damaged annotation.
    """
    pictures, double = by_name(files_below(folder, PICTURES), PICTURES)
    notes, again = by_name(files_below(folder, (".xml",)), (".xml",))
    names = sorted(set(pictures) & set(notes))
    if not names:
        raise expected("VOC", "no NAME.xml with a picture of the same name", folder)
    split_of = _splits(folder)
    if options.unit == "picture" and (options.margin, options.side) != (None, None):
        raise UsageError("margin and side belong to boxes", where="unit=picture", fix="write unit=box too")
    cases, odd = [], 0
    for name in names:
        boxes, left_out = _boxes(notes[name])
        odd += left_out
        labels = [box.label for box in boxes]
        cases.append(
            Case(
                id=name,
                patient=named_part(options.patient, name, "patient"),
                images={IMAGE: relative(pictures[name], folder)},
                boxes=tuple(boxes),
                facts={f"count_{label}": labels.count(label) for label in sorted(set(labels))},
                split=split_of.get(name),
            )
        )
    caveats = {
        "pictures without boxes, left out": sorted(set(pictures) - set(notes)),
        "annotations without a picture, left out": sorted(set(notes) - set(pictures)),
        "files whose name is taken, left out": [relative(path, folder) for path in (*double, *again)],
    }
    empty = [f"{odd} boxes without area were left out"] if odd else []
    cohort = Cohort(tuple(cases), folder, (*listed(caveats), *empty))
    if options.unit == "picture":
        return cohort
    unknown = unknown_patients(cases, options.patient, _NO_PATIENTS)
    return box_cases(replace(cohort, notes=(*cohort.notes, *unknown)), options)


def _splits(folder: Path) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for path in files_below(folder, (".txt",)):
        if path.stem in _SPLITS and path.parent.name == "Main":
            words = regular(path).read_text(encoding="utf-8", errors="replace").split()
            for word in words:
                if split_of.setdefault(word, path.stem) != path.stem:
                    what = f"lists a picture that {split_of[word]}.txt lists too"
                    raise InputError(what, where=path, fix="leave it in one of the two")
    return split_of


def _boxes(path: Path) -> tuple[list[Box], int]:
    """Return boxes in shares of the picture, and how many have no area."""
    try:
        text = regular(path).read_text(encoding="utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:  # annotations need no entities, and entities can be bombs
            raise ValueError("declares entities")
        tree = ElementTree.fromstring(text)
        width, height = (_number(tree, f"size/{word}") for word in ("width", "height"))
        boxes, odd = [], 0
        for node in tree.iter("object"):
            left, right = (min(1, max(0, _number(node, f"bndbox/{word}") / width)) for word in ("xmin", "xmax"))
            top, bottom = (min(1, max(0, _number(node, f"bndbox/{word}") / height)) for word in ("ymin", "ymax"))
            if left < right and top < bottom:
                label = (node.findtext("name") or "").strip() or "unnamed"
                boxes.append(Box(label=label, left=left, right=right, top=top, bottom=bottom))
            else:
                odd += 1
    except (OSError, ValueError, ZeroDivisionError, ElementTree.ParseError) as error:
        raise InputError(f"is not a readable annotation ({error})", where=path) from error
    return boxes, odd


def _number(element: ElementTree.Element, path: str) -> float:
    return float(element.findtext(path) or "nothing")
