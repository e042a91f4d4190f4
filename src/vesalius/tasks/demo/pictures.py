"""Pre-training on pictures in a few steps: pieces of a stained tissue section, and which of them are found alike.

The section ships with scikit-image. Training needs torch, which is an extra; without it the pieces alone are shown.

Letters: N pieces, D width.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.files import regular
from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.result import Result
from vesalius.tasks.demo.models import NEEDS
from vesalius.tasks.demo.subjects import shipped_file
from vesalius.wording import Progress

TITLE = "REMEDIS: stained tissue, learned without labels"
SECTION, SHEET = "section.png", "tissue-similar.png"
SIDE, PIECES = 40, 12
"""Pixels of a piece; pieces in a row and in a column of the section."""
QUERIES, SIMILAR = (40, 78, 112), 4
OVERRIDES = (
    "data.workers=0",
    "batch=32",
    "net.factor=0.25",
    "train.epochs=6",
    "train.schedule.warmup_epochs=1",
    "train.validate_every=6",
)
"""What differs from the configuration `simclr/blood_cells`."""


def show_pictures(result: Result, folder: Path, threads: int, progress: Progress) -> None:
    """Pre-train on the pieces, embed them, and add a section with the most similar ones.

    Args:
        result: receives the section and its figure.
        folder: of the report; the run goes to `models/tissue`.
        threads: threads of the net.
        progress: called with one line.

    Raises:
        InputError: scikit-image does not ship its picture any more.
    """
    progress(TITLE)
    home = folder / "models" / "tissue"
    home.mkdir(parents=True)
    manifest = _pieces(home)
    section_JIC = np.asarray(Image.open(regular(home / SECTION)).convert("RGB"))
    section = result.section(TITLE).text(
        f"{PIECES * PIECES} pieces of one picture of scikit-image: a section of the colon, cell nuclei blue, a protein "
        "brown. SimCLR learns which two views show one piece; then pieces that look alike have vectors that are alike."
    )
    if find_spec(NEEDS) is None:
        result.figures[SHEET] = contact_sheet([_tile(section_JIC, n, "") for n in QUERIES], len(QUERIES))
        section.figure(SHEET, "Three of the pieces.", f"{TITLE}: three pieces")
        return
    from vesalius.tasks.embed.run import embed
    from vesalius.tasks.encode.collection import Collection
    from vesalius.tasks.train.run import train
    from vesalius.training.record import read_record

    run = home / "encoder"
    train("simclr/blood_cells", run, [f"data.manifest={manifest}", *OVERRIDES], device="cpu", threads=threads)
    embed(manifest, home / "store", str(run), device="cpu", threads=threads)
    vectors_ND = Collection.open(home / "store").vectors()
    result.figures[SHEET] = contact_sheet(_tiles(section_JIC, vectors_ND @ vectors_ND.T), SIMILAR + 1)
    first, *_, last = [row for row in read_record(run) if row["kind"] == "validation"]
    section.text(
        f"SimCLR took {last['step']} steps in place of thousands, so this shows that it runs, not what it can learn. "
        "There are no labels, and rows of the picture stand in for patients.",
    )
    section.definitions(
        {"effective rank of the vectors": f"{first['effective_rank']:.1f} before, {last['effective_rank']:.1f} after"}
    )
    section.figure(
        SHEET,
        "Framed: three pieces; beside each, the four pieces with the most similar vectors, and their cosine. Much of "
        "the likeness is colour, which a mean would find as well.",
        f"{TITLE}: pieces and the most similar other pieces",
    )


def _pieces(home: Path) -> Path:
    """Copy the section, and write a manifest of its pieces; no piece overlaps another."""
    shutil.copyfile(regular(shipped_file("skimage", ("data", "ihc.png"))), home / SECTION)
    cases = [
        Case(
            id=f"piece-{row:02d}-{column:02d}",
            images={IMAGE: f"{SECTION}#region/{column * SIDE},{row * SIDE},{SIDE},{SIDE}"},
            patient=f"row {row}",
        )
        for row in range(PIECES)
        for column in range(PIECES)
    ]
    return write_manifest(Cohort(tuple(cases), home), home / "pieces.jsonl")


def _tiles(section_JIC: NDArray[np.uint8], cosines_NN: NDArray[np.float32]) -> list[Tile]:
    tiles = []
    for query in QUERIES:
        others = [int(n) for n in np.argsort(-cosines_NN[query]) if n != query][:SIMILAR]
        tiles.append(_tile(section_JIC, query, "this piece", framed=True))
        tiles += [_tile(section_JIC, n, f"{cosines_NN[query, n]:.2f}") for n in others]
    return tiles


def _tile(section_JIC: NDArray[np.uint8], n: int, caption: str, framed: bool = False) -> Tile:
    row, column = SIDE * (n // PIECES), SIDE * (n % PIECES)
    return Tile(caption, section_JIC[row : row + SIDE, column : column + SIDE], framed=framed)
