"""Search a store for the cases most similar to a case of it, or to a new scan; a report shows them.

Similarity is the cosine of two cases, each the mean direction of its rows (`encode/collection.py: case_vector`). The
pictures are the middle slice of the query, and of each case the slice most similar to it.

Letters: n rows of one case, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.arguments import PathLike, checked
from vesalius.cohort.case import Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.item import split_item
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.errors import MissingExtraError, UsageError, VesaliusError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.page import Column
from vesalius.report.publish import command_line, made, publish
from vesalius.report.result import Result
from vesalius.report.table import Cell
from vesalius.report.verdict import Verdict
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.encode.collection import KEY, Collection, case_vector, pooled, unit
from vesalius.tasks.encode.sheet import Sheet
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.search.index import CaseIndex
from vesalius.tasks.search.options import SearchOptions
from vesalius.wording import Progress, quiet

SHEET = "similar.png"
NOTICE = "Similar vectors are no diagnosis: they say what the encoder finds alike. Research use only."
_MOST_FACTS = 4
_PACKAGES = ("numpy", "lancedb", "torch")


@dataclass(frozen=True)
class Hit:
    """A similar case.

    Args:
        case: its id.
        similarity: cosine with the query, from -1 to 1.
        patient: number of the patient in `cases.csv`; None where unknown.
        same_patient: whether it is the patient of the query; None where one of them is unknown.
        split: of the case.
        labels: of the case.
        facts: of the case.
    """

    case: str
    similarity: float
    patient: str | None
    same_patient: bool | None
    split: str | None
    labels: dict[str, float]
    facts: dict[str, Fact]


@dataclass(frozen=True)
class SimilarCases:
    """The result of `search`.

    Args:
        store: folder of the store.
        query: id of the case, or name of the file.
        patient: number of the query's patient in `cases.csv`; None where unknown.
        hits: similar cases, the most similar first.
        searched: number of cases of the store.
        notes: caveats, one sentence each.
        report: page; None where none was written.
    """

    store: str
    query: str
    patient: str | None
    hits: list[Hit]
    searched: int
    notes: list[str] = field(default_factory=list)
    report: str | None = None


@dataclass(frozen=True, eq=False)
class _Query:
    """What is searched for: a case of the store (`number`), or a scan beside it."""

    name: str
    cohort: Cohort
    case: Case
    rows_nD: NDArray[np.float32]
    items: NDArray[np.int64]
    number: int | None = None


@checked
def search(
    store: PathLike,
    query: PathLike,
    output: PathLike | None = None,
    options: SearchOptions | None = None,
    *,
    reading: Reading = AS_STATED,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> SimilarCases:
    """Find the cases of a store that are most similar to a query.

    Args:
        store: folder that `embed` made of a manifest.
        query: id of a case of the store, or path of a scan, also of one inside a file (`cohort.item`).
        output: folder for a contact sheet and a report, or None.
        options: number of cases, and which are left out; None: five of any patient.
        reading: choices where the files of a scan leave some open.
        device: "auto", "cpu" or "cuda", for a scan.
        threads: of PyTorch, for a scan; None: its own choice.
        force: replace an existing folder.
        progress: callback that receives a line where an index is made.

    Raises:
        InputError: no such store or query, or it cannot be read.
        UsageError: the query's patient is to be left out and unknown, or the encoder is not that of the store.
        MissingExtraError: LanceDB is not installed.
        OutputError: the folder exists or cannot be written.
    """
    store, query = Path(store), str(query)
    output = None if output is None else Path(output)
    options = options or SearchOptions()
    if output is not None:
        refuse_existing(output, force=force)
    collection = Collection.open(store)
    index = CaseIndex.of(collection)
    if index.is_new:
        progress(f"made an index of {len(collection.cohort)} cases")
    asked, notes = _query(collection, query, options, reading, device, threads)
    numbers = collection.patient_numbers()
    patient = None if asked.number is None else numbers[asked.number]
    if options.not_same_patient and patient is None:
        what = "the patient of the query is unknown"
        fix = "leave the option out, or name a case of the store whose patient is known"
        raise UsageError(what, where="--not-same-patient", fix=fix)
    left_out = patient if options.not_same_patient else None
    neighbours = index.nearest(case_vector(asked.rows_nD), options.top_k, asked.number, left_out)
    cases = [collection.cohort.cases[neighbour.number] for neighbour in neighbours]
    if not cases:
        notes.append("the store holds no other case")
    hits = [
        Hit(
            case=case.id,
            similarity=neighbour.similarity,
            patient=case.patient,
            same_patient=None if patient is None or case.patient is None else numbers[neighbour.number] == patient,
            split=case.split,
            labels=case.labels,
            facts=_facts(case),
        )
        for case, neighbour in zip(cases, neighbours, strict=True)
    ]
    report = None
    if output is not None:
        tiles = _tiles(collection, asked, cases, hits, notes)
        command = command_line(
            "search", store, query, output=output, top_k=str(options.top_k), not_same_patient=options.not_same_patient
        )
        with new_folder(output, force=force) as folder:
            _publish(folder, asked, hits, tiles, notes, command, len(collection.cohort))
        report = str(output / "report.html")
    return SimilarCases(
        store=str(store),
        query=asked.name,
        patient=None if asked.number is None else asked.case.patient,
        hits=hits,
        searched=len(collection.cohort),
        notes=notes,
        report=report,
    )


def lines(result: SimilarCases) -> list[str]:
    """The result for people."""
    shown = [f"{result.query}: most similar of {result.searched} cases"]
    for hit in result.hits:
        patient = "unknown" if hit.patient is None else hit.patient + (" (same)" if hit.same_patient else "")
        shown.append(f"{hit.similarity:.4f}  {hit.case}  patient {patient}  {_labels(hit.labels)}")
    shown += [f"note: {note}" for note in result.notes]
    return shown if result.report is None else [*shown, result.report]


def _query(
    collection: Collection, query: str, options: SearchOptions, reading: Reading, device: str, threads: int | None
) -> tuple[_Query, list[str]]:
    """Return what a user named, and caveats."""
    numbers = {case.id: number for number, case in enumerate(collection.cohort)}
    file = split_item(query)[0]
    path = Path(file)
    if query in numbers:
        notes = [f"{query} was taken as a case of the store; write ./{query} for the file"] if path.exists() else []
        return _of_store(collection, numbers[query]), notes
    images = collection.recipe.contract.images
    if len(images) > 1:
        what = f"the vectors of the store are of {', '.join(images)} together, a scan is one image"
        raise UsageError(what, where=query, fix="name a case of the store")
    image = (path.name or ".") + query[len(file) :]
    case = Case.build(id="query", images={images[0]: image}, series=reading.series, reading=reading)
    cohort = Cohort((case,), path.parent)
    try:
        key = Loader(cohort, prepare=collection.recipe.contract.prepare, images=images).key(case)
        same = next((n for n, other in enumerate(collection.cohort) if collection.key(other) == key), None)
        if same is not None:
            found = _of_store(collection, same)
            return found, [f"the scan is case {found.case.id} of the store"]
        return _encoded(collection, cohort, options, device, threads), []
    except VesaliusError as error:
        if isinstance(error, MissingExtraError) or (isinstance(error, UsageError) and error.where is not None):
            raise
        fix = error.fix or f"name a scan, or a case of the store such as {collection.cohort.cases[0].id}"
        raise type(error)(error.what, where=query, fix=fix) from error


def _of_store(collection: Collection, number: int) -> _Query:
    case = collection.cohort.cases[number]
    items = collection.store.items(collection.key(case))
    return _Query(case.id, collection.cohort, case, collection.rows(case), items, number)


def _encoded(
    collection: Collection, cohort: Cohort, options: SearchOptions, device: str, threads: int | None
) -> _Query:
    """Encode a scan as the cases of the store were."""
    import torch

    from vesalius.tasks.encode.load import load_encoder
    from vesalius.training.device import on_cpu

    if threads is not None:
        torch.set_num_threads(threads)
    recipe, (case,) = collection.recipe, cohort.cases
    model = options.model or recipe.model_folder(collection.folder)
    encoder = load_encoder(model, "cpu" if on_cpu(device) else "cuda", recipe.precision)
    if encoder.digest() != collection.store.facts.encoder:
        raise UsageError("is not the encoder of the store", where=model, fix="name it with --model")
    encoder = encoder.prepared_by(recipe.contract)
    slices = Slices.of_frames(
        [open_image(cohort, case, name) for name in recipe.contract.images], recipe.contract.prepare
    )
    rows_nD, numbers = encoder.rows(slices, recipe.choice)
    rows_nD = pooled(rows_nD, recipe.pool)
    return _Query(cohort.path(next(iter(case.images.values()))).name, cohort, case, rows_nD, numbers[: len(rows_nD)])


def _tiles(collection: Collection, asked: _Query, cases: list[Case], hits: list[Hit], notes: list[str]) -> list[Tile]:
    """Return the pictures of the query and of its hits; what cannot be read becomes a note."""
    is_pooled = collection.recipe.pool != "none"
    middle = len(asked.rows_nD) // 2
    shown = [(asked.cohort, asked.case, None if is_pooled else int(asked.items[middle]), "query\n" + asked.name)]
    for case, hit in zip(cases, hits, strict=True):
        likest = int((unit(collection.rows(case)) @ unit(asked.rows_nD[middle])).argmax())
        item = None if is_pooled else int(collection.store.items(collection.key(case))[likest])
        shown.append((collection.cohort, case, item, f"{hit.similarity:.3f}  {_labels(hit.labels)}\n{hit.case}"))
    tiles = []
    contract = collection.recipe.contract
    for place, (cohort, case, item, caption) in enumerate(shown):
        try:
            scans = [open_image(cohort, case, name).resident() for name in contract.images]
            slices = Slices.of_frames(scans, contract.prepare)
            number = len(slices) // 2 if item is None else item
            tiles.append(Sheet.of(scans[0], slices, number).tile(_short(caption), framed=place == 0))
        except VesaliusError as error:
            notes.append(f"the picture of {case.id} cannot be shown: {error.reason}")
    return tiles


def _publish(
    folder: Path, asked: _Query, hits: list[Hit], tiles: list[Tile], notes: list[str], command: str, searched: int
) -> None:
    rows: list[dict[str, Cell]] = [
        {
            "rank": rank,
            "case": hit.case,
            "similarity": hit.similarity,
            "patient": hit.patient,
            "split": hit.split,
            "labels": _labels(hit.labels),
        }
        for rank, hit in enumerate(hits, 1)
    ]
    result = Result(
        results={
            "query": asked.name,
            "searched": searched,
            "hits": [{"case": hit.case, "similarity": hit.similarity, "labels": hit.labels} for hit in hits],
        },
        rows=rows,
        columns=("rank", "case", "similarity", "patient", "split", "labels"),
    )
    result.verdict = _verdict(hits, searched)
    section = result.section("Similar cases")
    if tiles:
        result.figures[SHEET] = contact_sheet(tiles)
        caption = "The query is framed; above each case its cosine similarity, from -1 to 1, and its labels."
        section.figure(SHEET, caption, "Pictures of the query and of similar cases")
    names = ("rank", "case", "similarity", "patient", "split", "labels", "facts")
    columns = [Column(name=name, numeric=name in ("rank", "similarity")) for name in names]
    cells = [
        [
            str(rank),
            hit.case,
            f"{hit.similarity:.4f}",
            _patient(hit),
            hit.split or "-",
            _labels(hit.labels),
            _stated(hit.facts),
        ]
        for rank, hit in enumerate(hits, 1)
    ]
    section.table(columns, cells, "Patients are numbers of cases.csv in the folder of the store.")
    for note in notes:
        section.text(f"Note: {note}.", "note")
    publish(
        result,
        folder,
        title=f"Cases similar to {asked.name}",
        task="search",
        lead=f"Likeness of vectors is no diagnosis. {NOTICE}",
        made=made(command, 1, None, _PACKAGES),
    )


def _verdict(hits: Sequence[Hit], searched: int) -> Verdict:
    if not hits:
        return Verdict(words="The store holds no other case", outcome="bad")
    best = hits[0]
    known = f" ({_labels(best.labels)})" if best.labels else ""
    count = f"the most similar of {searched} cases"
    return Verdict(words=f"{best.case}{known} is {count}, cosine {best.similarity:.2f}")


def _patient(hit: Hit) -> str:
    return "-" if hit.patient is None else hit.patient + (" (of the query)" if hit.same_patient else "")


def _labels(labels: Mapping[str, float]) -> str:
    """The positive labels in words."""
    positive = [name if value == 1 else f"{name} {value:g}" for name, value in labels.items() if value > 0]
    return ", ".join(positive) or ("no finding" if labels else "no label")


def _stated(facts: Mapping[str, Fact]) -> str:
    return ", ".join(f"{name} {value}" for name, value in list(facts.items())[:_MOST_FACTS]) or "-"


def _facts(case: Case) -> dict[str, Fact]:
    return {name: value for name, value in case.facts.items() if name != KEY}


def _short(caption: str, most: int = 30) -> str:
    return "\n".join(line if len(line) <= most else f"{line[: most - 3]}..." for line in caption.split("\n"))
