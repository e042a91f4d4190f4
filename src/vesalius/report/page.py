"""The content of a report: sections of text, tables, figures and definitions, as `summary.json` keeps it.

A run folder holds `summary.json` (this), `table.csv` (every measured number) and `figures/*.png`; `report.html` is a
pure function of the three.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.output import new_file
from vesalius.report.verdict import Outcome, Verdict

SUMMARY, TABLE, FIGURES, PAGE = "summary.json", "table.csv", "figures", "report.html"
Tone = Literal["plain", "note", "warning"]
_NO_TEXT = re.compile("[\ud800-\udfff]")
"""Surrogates: they stand for bytes of file names that are not UTF-8."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Text(_Model):
    """A paragraph."""

    kind: Literal["text"] = "text"
    text: str
    tone: Tone = "plain"


class Column(_Model):
    """A column of a table; numbers are right-aligned."""

    name: str
    numeric: bool = False


class ReportTable(_Model):
    """Rows of cells, already formatted for reading."""

    kind: Literal["table"] = "table"
    columns: list[Column]
    rows: list[list[str]]
    caption: str = ""


class Figure(_Model):
    """A picture of the folder `figures`."""

    kind: Literal["figure"] = "figure"
    file: str = Field(pattern=r"^\w[\w.-]*\.png$")
    caption: str
    alt: str


class PlayerTile(_Model):
    """What stands below one column of a player: a title and short lines."""

    title: str
    lines: list[str] = []


class Player(_Model):
    """Moving pictures side by side: one picture of the folder `figures`, a row for each frame, a column for each tile.

    `vesalius.report.player` makes it.

    Args:
        file: the sheet of all frames.
        tiles: from left to right.
        frames: rows of the sheet.
        start: the frame that is shown first, and where nothing moves.
        frame_ms: milliseconds for which a frame is shown.
        tile_width: width of a tile, in any unit.
        tile_height: its height in the same unit.
        gap: distance of two tiles, in the same unit.
        caption: text below.
        alt: the same in words for those who do not see it.
    """

    kind: Literal["player"] = "player"
    file: str = Field(pattern=r"^\w[\w.-]*\.png$")
    tiles: list[PlayerTile] = Field(min_length=1)
    frames: int = Field(ge=1)
    start: int = Field(ge=0)
    frame_ms: float = Field(gt=0)
    tile_width: float = Field(gt=0)
    tile_height: float = Field(gt=0)
    gap: float = Field(ge=0)
    caption: str
    alt: str


class Definitions(_Model):
    """Terms and their definitions."""

    kind: Literal["definitions"] = "definitions"
    items: list[tuple[Annotated[str, Field(strict=True)], Annotated[str, Field(strict=True)]]]


Block = Annotated[Text | ReportTable | Figure | Player | Definitions, Field(discriminator="kind")]


class Section(_Model):
    """A heading and the blocks below it. The methods add a block and return the section.

    Example:
        >>> section = Section(title="Overlap").text("Dice 0.91.").definitions({"Dice": "Overlap of two masks."})
        >>> [block.kind for block in section.blocks]
        ['text', 'definitions']
    """

    title: str
    verdict: Verdict | None = None
    blocks: list[Block] = []

    def judge(self, words: str, outcome: Outcome) -> Section:
        """Set the verdict, which stands below the heading."""
        self.verdict = Verdict(words=words, outcome=outcome)
        return self

    def text(self, text: str, tone: Tone = "plain") -> Section:
        """Add a paragraph."""
        return self._add(Text(text=text, tone=tone))

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]], caption: str = "") -> Section:
        """Add a table.

        Raises:
            ValueError: a row has more or fewer cells than there are columns.
        """
        cells = [list(row) for row in rows]
        if any(len(row) != len(columns) for row in cells):
            raise ValueError(f"a row has not {len(columns)} cells")
        return self._add(ReportTable(columns=list(columns), rows=cells, caption=caption))

    def figure(self, file: str, caption: str, alt: str) -> Section:
        """Add a picture of the folder `figures`; `alt` describes it in words."""
        return self._add(Figure(file=file, caption=caption, alt=alt))

    def player(self, player: Player) -> Section:
        """Add moving pictures."""
        return self._add(player)

    def definitions(self, items: Mapping[str, str]) -> Section:
        """Add terms and their definitions."""
        return self._add(Definitions(items=list(items.items())))

    def _add(self, block: Block) -> Section:
        self.blocks.append(block)
        return self


class Made(_Model):
    """Provenance of a report.

    Args:
        command: the command, without absolute paths.
        date: ISO date.
        versions: program or library -> version.
        facts: further facts that change the numbers, e.g. threads.
    """

    command: str
    date: str
    versions: dict[str, str] = {}
    facts: dict[str, str] = {}


class Report(_Model):
    """A whole report.

    Args:
        title: heading of the page.
        task: the command, e.g. "evaluate codec".
        verdict: the answer, which stands first.
        limits: where the model fails, by its card; they stand below the verdict.
        lead: one paragraph that introduces the report.
        sections: in reading order.
        made: provenance.
        results: the numbers for programs, any JSON; NaN and infinities are written as null.
        failures: input -> why it failed, one line each.
    """

    title: str
    task: str
    verdict: Verdict | None = None
    limits: list[str] = []
    lead: str = ""
    sections: list[Section] = []
    made: Made | None = None
    results: dict[str, Any] = {}
    failures: dict[str, str] = {}

    def section(self, title: str) -> Section:
        """Add a section and return it."""
        self.sections.append(Section(title=title))
        return self.sections[-1]

    @property
    def moves(self) -> bool:
        """True where a player is shown, which needs a script."""
        return any(isinstance(block, Player) for section in self.sections for block in section.blocks)

    @property
    def figures(self) -> list[str]:
        """Names of its pictures, in reading order."""
        blocks = (block for section in self.sections for block in section.blocks)
        return [block.file for block in blocks if isinstance(block, Figure | Player)]

    def to_json(self) -> str:
        """Return the text of `summary.json`, with escapes for undecodable bytes of file names."""
        text = json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        return _NO_TEXT.sub(lambda half: rf"\\u{ord(half[0]):04x}", text)

    @classmethod
    def from_json(cls, text: str, where: Path | None = None) -> Report:
        """Read the text of `to_json`.

        Raises:
            InputError: another kind of text; the message names the first wrong key.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            what = f"is no report summary ({key + ': ' if key else ''}{first['msg']})"
            raise InputError(what, where=where, fix="run the command that made it again") from error

    def save(self, folder: Path) -> None:
        """Write `summary.json` into a folder, in place of an older one."""
        with new_file(folder / SUMMARY, force=True) as part:
            part.write_text(self.to_json(), encoding="utf-8")


def load_report(folder: Path) -> Report:
    """Read the report of a run folder.

    Raises:
        InputError: no such folder, or its summary is missing or damaged.
    """
    path = regular(folder) / SUMMARY
    try:
        return Report.from_json(regular(path).read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"has no readable {SUMMARY}", where=folder, fix="name a run folder") from error


def write_figure(path: Path, png: bytes) -> None:
    """Write a picture, in place of an older one.

    Raises:
        OutputError: cannot be written.
    """
    with new_file(path, force=True) as part:
        part.write_bytes(png)


def limits_line(caveats: Sequence[str]) -> str:
    """Return the limits of a model (`CardFacts.caveats`) as the first line for the terminal."""
    return f"warning: limits of the model: {' '.join(caveats)}"
