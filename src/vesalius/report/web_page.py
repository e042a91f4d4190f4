"""A report as one HTML file: style and pictures embedded, nothing fetched.

A page with slices or frames to look through holds one short script, which it names by its hash; no other can run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from vesalius.arguments import PathLike, checked
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.output import new_file
from vesalius.report.page import FIGURES, PAGE, TABLE, Report, load_report
from vesalius.report.style import DPI, is_chart
from vesalius.report.table import number, read_csv

BANNER = "Research use only. Not a medical device."
_STARTS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
_PNG_WIDTH = slice(16, 20)
_CSS_PIXELS_PER_INCH = 96
_ROWS_SHOWN = 2000


@dataclass(frozen=True)
class AllRows:
    """The measured numbers of `table.csv`, rounded for reading.

    Args:
        columns: header.
        numeric: True for each column of numbers.
        rows: cells.
        left_out: number of rows beyond those that a page shows.
    """

    columns: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    left_out: int


@dataclass(frozen=True)
class Image:
    """A picture embedded in the page.

    Args:
        uri: its bytes as a data URI.
        width: width in CSS pixels at which the text of a figure has the size it was drawn with; 0 of a JPEG.
        is_chart: lines and words on white, which a dark page turns light on dark.
    """

    uri: str
    width: int
    is_chart: bool


def render(report: Report, pictures: Mapping[str, bytes], all_rows: AllRows | None = None) -> str:
    """Render the page.

    Args:
        report: the content.
        pictures: file name -> bytes of a PNG or JPEG, for every name in `report.figures`.
        all_rows: the numbers behind it, folded at its end.

    Raises:
        KeyError: a picture is missing.
    """
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    images = {name: _image(pictures[name]) for name in report.figures}
    template = environment.get_template("page.html")
    script = loader.get_source(environment, "viewer.js")[0] if report.viewers else ""
    page = (
        template.render(
            report=report,
            images=images,
            all_rows=all_rows,
            banner=BANNER,
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        )
        + "\n"
    )
    return page.encode(errors="backslashreplace").decode()  # a name may not be UTF-8


@checked
def run_report(folder: PathLike) -> Path:
    """Rebuild `report.html` of a run folder from `summary.json`, `table.csv` (if there) and `figures/`.

    Raises:
        InputError: one of them is missing or damaged.
        OutputError: cannot be written.
    """
    folder = Path(folder)
    report = load_report(folder)
    pictures = {name: _picture(folder / FIGURES / name) for name in report.figures}
    table = folder / TABLE
    page = render(report, pictures, _all_rows(table) if table.exists() else None)
    with new_file(folder / PAGE, force=True) as part:
        part.write_text(page, encoding="utf-8")
    return folder / PAGE


def _picture(path: Path) -> bytes:
    try:
        data = regular(path).read_bytes()
    except OSError as error:
        raise InputError("is missing", where=path, fix="run the command that made it again") from error
    if _kind(data) is None:
        raise InputError("is neither a PNG nor a JPEG file", where=path, fix="run the command that made it again")
    return data


def _kind(data: bytes) -> str | None:
    return next((kind for start, kind in _STARTS.items() if data.startswith(start)), None)


def _image(data: bytes) -> Image:
    kind = _kind(data)
    width = int.from_bytes(data[_PNG_WIDTH], "big") * _CSS_PIXELS_PER_INCH // DPI if kind == "png" else 0
    return Image(f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii"), width, is_chart(data))


def _all_rows(path: Path) -> AllRows:
    columns, rows = read_csv(path)
    numeric = [all(_is_number(row[place]) for row in rows) for place in range(len(columns))]
    shown = [
        [
            number(float(cell), digits=4) if cell and is_numeric else cell
            for cell, is_numeric in zip(row, numeric, strict=True)
        ]
        for row in rows[:_ROWS_SHOWN]
    ]
    return AllRows(columns, numeric, shown, max(0, len(rows) - _ROWS_SHOWN))


def _is_number(cell: str) -> bool:
    try:
        float(cell or "0")
    except ValueError:
        return False
    return True
