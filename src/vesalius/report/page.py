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
_Sheet = Annotated[str, Field(pattern=r"^\w[\w.-]*\.(png|jpg)$")]
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


class Pane(_Model):
    """One picture of a viewer.

    Args:
        title: what it shows.
        lines: short lines below the title.
        sheets: files of the folder `figures`: one for each choice of the viewer, or one for all.
        overlay: file of what is drawn over it; "" without.
        column: among the panes, from 1; 0: the next one.
    """

    title: str
    lines: list[str] = []
    sheets: list[_Sheet] = Field(min_length=1)
    overlay: _Sheet | Literal[""] = ""
    column: int = Field(default=0, ge=0)


class Viewer(_Model):
    """Slices and frames to look through, in one or several panes; `vesalius.report.viewer` makes it.

    Args:
        panes: side by side.
        columns: panes in a row.
        choices: what the reader can choose from, e.g. windows; empty where there is one.
        legend: (name, colour) of what the overlays show.
        frames: their numbers.
        slices: their numbers.
        frame: place in `frames` of the one that is shown first.
        slice: place in `slices` of the one that is shown first.
        frame_ms: milliseconds for which a frame is shown.
        width: pixels of a picture in the sheets.
        height: the same.
        across: pictures in a row of a sheet.
        aspect: height over width of a picture as it is shown.
        words: a line for each slice; empty without.
        still: file that is shown without scripts.
        caption: text below.
        alt: the same in words for those who do not see it.
    """

    kind: Literal["viewer"] = "viewer"
    panes: list[Pane] = Field(min_length=1)
    columns: int = Field(ge=1)
    choices: list[str] = []
    legend: list[tuple[Annotated[str, Field(strict=True)], Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]]] = []
    frames: list[int] = Field(min_length=1)
    slices: list[int] = Field(min_length=1)
    frame: int = Field(ge=0)
    slice: int = Field(ge=0)
    frame_ms: float = Field(gt=0)
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    across: int = Field(ge=1)
    aspect: float = Field(gt=0)
    words: list[str] = []
    still: str = Field(pattern=r"^\w[\w.-]*\.png$")
    caption: str
    alt: str

    @property
    def sheets(self) -> list[str]:
        """Names of its sheets, each once."""
        files = (file for pane in self.panes for file in (*pane.sheets, pane.overlay) if file)
        return list(dict.fromkeys(files))

    @property
    def script_data(self) -> str:
        """What the script needs, as JSON."""
        panes = [{"sheets": pane.sheets, "overlay": pane.overlay} for pane in self.panes]
        wanted = ("frames", "slices", "frame", "slice", "frame_ms", "width", "height", "across", "words")
        return json.dumps({"panes": panes, **{name: getattr(self, name) for name in wanted}})

    def of(self, prefix: str) -> Viewer:
        """Return the viewer whose files have a prefix in their names."""

        def named(pane: Pane) -> Pane:
            overlay = prefix + pane.overlay if pane.overlay else ""
            return pane.model_copy(update={"sheets": [prefix + file for file in pane.sheets], "overlay": overlay})

        return self.model_copy(update={"panes": list(map(named, self.panes)), "still": prefix + self.still})


class Definitions(_Model):
    """Terms and their definitions."""

    kind: Literal["definitions"] = "definitions"
    items: list[tuple[Annotated[str, Field(strict=True)], Annotated[str, Field(strict=True)]]]


Block = Annotated[Text | ReportTable | Figure | Viewer | Definitions, Field(discriminator="kind")]


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

    def viewer(self, viewer: Viewer) -> Section:
        """Add slices and frames to look through."""
        return self._add(viewer)

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
    def viewers(self) -> list[Viewer]:
        """What needs a script."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Viewer)]

    @property
    def figures(self) -> list[str]:
        """Names of its pictures, in reading order."""
        files = []
        for block in (block for section in self.sections for block in section.blocks):
            if isinstance(block, Figure):
                files.append(block.file)
            elif isinstance(block, Viewer):
                files += [block.still, *block.sheets]
        return list(dict.fromkeys(files))

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
