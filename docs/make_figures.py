"""Writes docs/figures.md: what the scripts of bench/ printed, and what the cards of the package's models state.

No figure is typed here. The records are made by bench/record.py, the cards by `vesalius train` and the scripts of
bench/ that they name.

    python docs/make_figures.py
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vesalius.weights.place import locate, zoo_names

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "bench" / "records"
PAGE = ROOT / "docs" / "figures.md"
HEAD = """# Measured figures

Made by `python docs/make_figures.py` from what scripts printed; nothing on this page is typed by hand. `python
bench/record.py NAME ARGUMENTS` runs a script of `bench/` and keeps its output in `bench/records/`. Times depend on the
machine; sizes and scores do not. Folders stand by their last name.

Figures on other pages name the command that prints them."""
MODELS = """## Models of the package

From the cards of the models (`src/vesalius/zoo/`). Each card states data and limits, too; `vesalius predict` prints the
limits before anything else."""
NOT_SCRIPTS = {"record"}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page as Markdown."""
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDS.glob("*.json"))}
    parts = [HEAD, "## Benchmarks", *(recorded(name, record) for name, record in records.items())]
    parts += [MODELS, *(card(name) for name in sorted(zoo_names())), "## All scripts", table(records)]
    return "\n\n".join(parts) + "\n"


def table(records: dict[str, dict[str, Any]]) -> str:
    """Every script of bench/ with its question, and the day of its record."""
    rows = ["| script | question | recorded |", "|---|---|---|"]
    for path in sorted((ROOT / "bench").glob("*.py")):
        if path.stem in NOT_SCRIPTS:
            continue
        day = f"[{records[path.stem]['day']}](#{anchor(path.stem)})" if path.stem in records else "-"
        rows.append(f"| `{path.stem}` | {question(path)} | {day} |")
    return "\n".join(rows)


def recorded(name: str, record: dict[str, Any]) -> str:
    """A record: question, command, machine, output."""
    versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
    seconds = record["processor_seconds"]
    spent = "" if seconds is None else f", {seconds:,.0f} s of processor time"
    made = f"{record['day']}{spent}; {record['machine']['processor']}, {record['machine']['system']}; {versions}."
    output = "\n".join(line.rstrip() for line in record["lines"]).strip("\n")
    return "\n\n".join(
        [
            f"### bench/{name}.py",
            question(ROOT / "bench" / f"{name}.py"),
            made,
            f"```text\n$ {record['command']}\n{output}\n```",
        ]
    )


def card(name: str) -> str:
    """What the card of a model states as measured."""
    text = (locate(name) / "README.md").read_text(encoding="utf-8")
    return "\n\n".join([f"### {name}", *measured(text)])


def measured(text: str) -> Iterator[str]:
    """The sections of a card whose heading begins with "Measured", without the word alone as a heading."""
    for section in text.split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        if heading.startswith("Measured"):
            yield body.strip() if heading == "Measured" else f"**{heading}.**\n\n{body.strip()}"


def question(path: Path) -> str:
    """The first sentence of the docstring of a script."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n", 1)[0].split())
    ends = [place for mark in ("? ", ". ") if (place := paragraph.find(mark)) >= 0]
    return (paragraph[: min(ends) + 1] if ends else paragraph).replace("|", "\\|")


def anchor(name: str) -> str:
    """The address of the section of a script on the page."""
    return f"bench{name}py"


if __name__ == "__main__":
    main()
