"""One case of a cohort: images on one grid, with their masks, labels and facts."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from vesalius.config import Config
from vesalius.scan.reading import AS_STATED, Reading


def _text(value: Any) -> Any:
    """Refuse half a surrogate pair, which JSON can escape and no file or terminal takes."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("holds half a surrogate pair, which is not text") from None
    return value


def _same_letters(text: str) -> str:
    """Normalise a name: "é" as one letter, no blanks around."""
    return unicodedata.normalize("NFC", _text(text)).strip()


def _known(table: Any) -> Any:
    """Remove nulls from a table: what is unknown is left out."""
    if not isinstance(table, dict):
        return table
    return {key: _text(value) for key, value in table.items() if value is not None}


Name = Annotated[str, AfterValidator(_same_letters), Field(min_length=1, max_length=500)]
Path = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]+$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Label = Annotated[float, Field(allow_inf_nan=False)]
Fact = str | int | float | bool
Choices = Annotated[Reading, PlainSerializer(Reading.stated, return_type=dict[str, Any])]

IMAGE, MASK = "image", "mask"
"""Names of the one image and the one mask of a case."""


class Box(Config):
    """A box around a finding, in shares of the width and height of the picture."""

    label: Name = Field(description="content of the box")
    left: Share
    top: Share
    right: Share
    bottom: Share

    @model_validator(mode="after")
    def _has_an_area(self) -> Box:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("left must be below right, top below bottom")
        return self


class Case(Config):
    """One line of a manifest.

    A path is relative to the folder of the manifest. It names a file, a folder with one DICOM series, one item of an
    array file, or a region of a picture or slide; `vesalius.cohort.item` has the form of the latter two.

    >>> case = Case.build(id="p1", images={"t1": "p1/t1.nii.gz"}, labels={"tumour": 1, "bleed": None})
    >>> case.labels, case.paths
    ({'tumour': 1.0}, ('p1/t1.nii.gz',))
    """

    id: Name = Field(description="unique in the manifest; results are filed under it")
    images: dict[Name, Path] = Field(min_length=1, description="images on one grid by name: image, or t1, flair, ...")
    patient: Name | None = Field(default=None, description="id of the patient; splits keep patients together")
    study: Name | None = Field(default=None, description="the examination, unique over all patients")
    series: Name | None = Field(default=None, description="SeriesInstanceUID (or its end) where a folder holds several")
    reading: Choices = Field(default=AS_STATED, description="choices for files that leave some open")
    fourth_axis: Literal["time", "channel"] = Field(default="time", description="what dim 4 of a NIfTI image is")
    masks: dict[Name, Path] = Field(
        default={}, description="label maps on the images' grid by name: mask, or ED, ES, ..."
    )
    frames: dict[Name, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="frame (from 0) of a cine that the mask of this name belongs to"
    )
    labels: Annotated[dict[Name, Label], BeforeValidator(_known)] = Field(
        default={}, description="0, 1 or a probability by class; a missing or null label is unknown"
    )
    caption: Annotated[str, AfterValidator(_text)] | None = Field(default=None, description="the image in words")
    boxes: tuple[Box, ...] = Field(default=(), description="boxes around findings")
    facts: Annotated[dict[Name, Fact], BeforeValidator(_known)] = Field(
        default={}, description="other facts: age, view, group, ..."
    )
    split: Name | None = Field(default=None, description="train, val, test, ...")
    fold: int | None = Field(
        default=None, ge=0, description="number of the cross-validation fold that holds this case out"
    )

    @property
    def how(self) -> Reading:
        """Choices for opening its files, with its series."""
        return self.reading if self.series is None else replace(self.reading, series=self.series)

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the images, then of the masks."""
        return (*self.images.values(), *self.masks.values())


@dataclass(frozen=True)
class Problem:
    """The id of a case that could not be loaded, and the reason in one sentence."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"case {self.id}: {self.reason}"
