"""Model cards: `README.md` beside the weights, with the front matter that model hubs read. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from vesalius.config import Config
from vesalius.files import regular
from vesalius.output import new_file

CARD = "README.md"
NOTICE = "Research use only, not a medical device."
_DATA, _LIMITS = "## Data and licence", "## Limits"
_FENCE = "---\n"
_MOST_CARD, _MOST_LINE = 1 << 20, 400
"""Characters of a card that is read, and of a line that is shown of it."""


class DataSource(Config):
    """Training data of a model, for its card."""

    name: str = Field(description="name of the data set")
    licence: str = Field(description="its licence")
    note: str = Field(default="", description="how many patients, which split")


@dataclass(frozen=True)
class Number:
    """A measured number, e.g. "Dice of the left ventricle", "0.91 (0.88 to 0.93)" on "12 held-out patients"."""

    measure: str
    value: str
    data: str


@dataclass(frozen=True)
class Card:
    """Facts and caveats for the users of a model.

    Args:
        name: e.g. "segment/cine-unet".
        summary: the model in one sentence.
        task: job of the model, e.g. "segment".
        licence: of the weights, e.g. "apache-2.0".
        data: what it was trained on.
        training: how it was trained, in a few sentences.
        command: trains it again.
        figures: measures of runs only.
        limits: where it fails or must not be used, a sentence each.
        base: model that it was made from.
        pipeline: name that model hubs have for its work, e.g. "image-segmentation".
    """

    name: str
    summary: str
    task: str
    licence: str
    data: tuple[DataSource, ...] = ()
    training: str = ""
    command: str = ""
    figures: tuple[Number, ...] = ()
    limits: tuple[str, ...] = ()
    base: str = ""
    pipeline: str = ""

    def write(self, folder: Path) -> Path:
        """Write `README.md` into an existing folder, in place of an older one, and return its path.

        Raises:
            OutputError: it cannot be written.
        """
        path = folder / CARD
        with new_file(path, force=True) as part:
            part.write_text(self.text(), encoding="utf-8")
        return path

    def text(self) -> str:
        """Return the whole card."""
        front = yaml.safe_dump(self._front(), sort_keys=False, allow_unicode=True, width=120)
        return f"{_FENCE}{front}{_FENCE}\n" + "\n\n".join(self._parts()) + "\n"

    def _front(self) -> dict[str, Any]:
        is_id = self.licence == self.licence.lower() and not set(self.licence) & set(" ,;/")
        front: dict[str, Any] = {"license": self.licence if is_id else "other"}
        if not is_id:
            front["license_name"] = self.licence
        front |= {"library_name": "vesalius", "tags": ["medical-imaging", self.task], "summary": _line(self.summary)}
        if self.pipeline:
            front["pipeline_tag"] = self.pipeline
        if self.base:
            front["base_model"] = self.base
        return front

    def _parts(self) -> list[str]:
        parts = [f"# {self.name}", _line(self.summary), f"**{NOTICE}**"]
        if self.base:
            parts.append(f"Made from {self.base}.")
        parts += [_DATA, f"Licence of the weights: {self.licence}."]
        if self.data:
            rows = [(source.name, source.licence, source.note) for source in self.data]
            parts.append(_table(("data", "licence", "remark"), rows))
        parts += ["## How it was trained", self.training or "Not stated."]
        if self.command:
            parts.append(f"```bash\n{self.command}\n```")
        parts.append("## Measured")
        if self.figures:
            rows = [(number.measure, number.value, number.data) for number in self.figures]
            parts.append(_table(("measure", "value", "on"), rows))
        else:
            parts.append("Nothing was measured.")
        limits = (*self.limits, "It is not made for patients: no diagnosis, no treatment.")
        return [*parts, _LIMITS, "\n".join(f"- {_line(limit)}" for limit in limits)]


@dataclass(frozen=True)
class CardFacts:
    """What programs read from a card: `data` are names, `limits` sentences; a licence that it lacks is "unknown"."""

    licence: str
    summary: str
    data: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def caveats(self) -> tuple[str, ...]:
        """The caveats before every result of the model, a sentence each: its data, then its limits."""
        if not (self.summary or self.data or self.limits):
            return ("The model has no card: what it was trained on and where it fails is not known.",)
        if not self.data:
            return ("Its card does not say what the model was trained on.", *self.limits)
        return (f"Trained on {' and '.join(self.data)} only.", *self.limits)


def read_card(folder: Path) -> CardFacts:
    """Read the card of a model folder; a missing or damaged one gives empty facts."""
    try:
        with regular(folder / CARD).open(encoding="utf-8") as file:
            text = file.read(_MOST_CARD + 1)
        if len(text) > _MOST_CARD:
            raise ValueError("is too long for a card")
        front = yaml.safe_load(text.split(_FENCE, 2)[1]) if text.startswith(_FENCE) else None
    except (OSError, ValueError, RecursionError, IndexError, yaml.YAMLError):
        text, front = "", None
    table: dict[str, Any] = front if isinstance(front, dict) else {}
    licence = table.get("license_name") or table.get("license")
    rows = [line for line in _section(text, _DATA) if line.startswith("| ")][2:]  # below its head
    return CardFacts(
        _shown(licence) or "unknown",
        _shown(table.get("summary")),
        tuple(_shown(re.split(r"(?<!\\)\|", row)[1].replace("\\|", "|")) for row in rows),
        tuple(_shown(line[2:]) for line in _section(text, _LIMITS) if line.startswith("- ")),
    )


def _section(text: str, heading: str) -> list[str]:
    """The lines below a heading, up to the next one."""
    _, _, below = text.partition(f"\n{heading}\n")
    return below.partition("\n## ")[0].splitlines()


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = [[_line(cell).replace("|", "\\|") for cell in row] for row in (head, tuple("---" for _ in head), *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _shown(value: Any) -> str:
    """Return text of a card as one printable line; "" for anything else, such as a tree of YAML aliases."""
    line = _line(str(value)) if isinstance(value, str | int | float) else ""
    line = "".join(letter for letter in line if letter.isprintable())
    return line if len(line) <= _MOST_LINE else f"{line[: _MOST_LINE - 4]} ..."


def _line(text: str) -> str:
    return " ".join(text.split())
