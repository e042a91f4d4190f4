"""The vectors of a cohort: `vesalius embed MODEL MANIFEST`.

features.npy, index.csv, store.json   a row for each slice or frame, or one for each case (`cohort/features.py`)
cases.csv, recipe.json                the cases, and how the rows were made (`tasks/encode/collection.py`)
block_group1 to 4/                    stores of the pooled block groups, on request
projection.csv, figures/              a drawing of the rows in two dimensions, on request
summary.json, report.html             counts, provenance, cases that could not be read

A rerun adds missing rows only. Letters: n rows of one case, D width.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from vesalius.cohort.cache import Cache
from vesalius.cohort.features import FeatureStore, StoreFacts
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError, UsageError
from vesalius.output import alone, as_output_error, claim
from vesalius.report.page import Column, limits_line
from vesalius.report.publish import command_line, made, publish
from vesalius.report.result import Result
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.tasks.embed.drawing import Drawing, check_drawing, draw
from vesalius.tasks.encode.collection import CASES, Collection, pooled, pooled_width, write_cases
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.load import AnySliceEncoder, load_encoder
from vesalius.tasks.encode.options import EmbedOptions, Pool
from vesalius.tasks.encode.recipe import RECIPE, Recipe, model_name
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.tasks.encode.vectors import Extracted, Writer, fill
from vesalius.training.device import on_cpu
from vesalius.weights.card import NOTICE, read_card
from vesalius.wording import Progress, quiet, some

STORE = ("features.npy", "index.csv", "store.json")
GROUPS = ("block_group1", "block_group2", "block_group3", "block_group4")
"""Folders of the stores of the block groups."""
_POOLED = {
    "mean": "the mean of its slices",
    "max": "the max of its slices",
    "stack": "the ends and the middle of its stack of slices",
}
_PACKAGES = ("numpy", "scikit-learn", "torch", "timm")


@dataclass(frozen=True)
class EmbeddedCohort:
    """The result of `embed` for a manifest.

    Args:
        path: the folder of the store.
        report: its page.
        cases: number of cases with rows.
        patients: number of their patients, where they are known.
        rows: number of rows of these cases.
        dim: numbers in a row.
        encoded: number of cases that were encoded now; the others were in the store.
        endpoints: numbers in a row of each block group, by name; empty without endpoints.
        drawing: facts of the drawing; None without one.
        seconds: time of the whole run.
        limits: caveats of the model card.
        encoder: digest of the encoder.
        precision: that it computed with.
        device: where it ran.
        notes: caveats about the manifest.
        failed: {"case", "reason"} of each case that could not be read.
    """

    path: str
    report: str
    cases: int
    patients: int
    rows: int
    dim: int
    encoded: int
    endpoints: dict[str, int]
    drawing: dict[str, str | float | None] | None
    seconds: float
    limits: list[str]
    encoder: str
    precision: str
    device: str
    notes: list[str] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)


@alone
def embed_cohort(
    path: Path,
    output: Path,
    encoder: str,
    options: EmbedOptions,
    *,
    reading: Reading = AS_STATED,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> EmbeddedCohort:
    """Write the vectors of a cohort into a store, or add those that it lacks. Arguments and errors as for `embed`."""
    started = time.perf_counter()
    options.check_of_cohort()
    if threads is not None:
        torch.set_num_threads(threads)
    place = "cpu" if on_cpu(device) else "cuda"
    cohort = read_manifest(path).read_by(reading)
    check_drawing(options, cohort)
    loaded = load_encoder(encoder, place, options.precision).through(options.window).at_side(options.resize)
    recipe = Recipe(
        model=model_name(loaded.folder, output),
        contract=loaded.contract,
        choice=SliceConfig.of(options),
        pool=_pool(loaded, options),
        precision=loaded.precision,
    )
    claim(output, force=force, belongs=(output / STORE[-1]).exists())
    if force:
        _remove_store(output)
    writer = _writer(output, loaded, recipe, options)
    images = loaded.contract.images
    extracted = fill(cohort, writer, Cache(options.cache), images=images, skip_invalid=True, progress=progress)
    if not extracted.keys:
        if not len(writer.store):
            _remove_store(output)
        problem = extracted.problems[0]
        what = f"none of the {len(cohort)} cases could be encoded; case {problem.id}: {problem.reason}"
        raise InputError(what, where=path)
    recipe.write(output)
    write_cases(cohort, extracted.keys, output)
    collection = Collection.open(output)
    drawing = None if options.project is None else draw(collection, options)
    card = read_card(loaded.folder)
    result = EmbeddedCohort(
        path=str(output),
        report=str(output / "report.html"),
        cases=len(collection.cohort),
        patients=len({case.patient for case in collection.cohort} - {None}),
        rows=sum(collection.store.span(key)[1] for key in set(extracted.keys.values())),
        dim=collection.store.facts.width,
        encoded=extracted.encoded,
        endpoints=writer.widths,
        drawing=None if drawing is None else drawing.facts,
        seconds=round(time.perf_counter() - started, 3),
        limits=list(card.caveats),
        encoder=loaded.digest(),
        precision=loaded.precision,
        device=place,
        notes=[*cohort.notes, *_behind(output, writer)],
        failed=[{"case": problem.id, "reason": problem.reason} for problem in extracted.problems],
    )
    command = command_line("embed", Path(encoder).name, path, output=output, project=options.project)
    _publish(result, drawing, recipe, extracted, output, path.name, command)
    return result


def cohort_lines(result: EmbeddedCohort) -> list[str]:
    """The result for people."""
    before = result.cases - result.encoded
    shown = [
        limits_line(result.limits),
        f"{result.cases} cases, {result.rows} rows of {result.dim} numbers; {result.encoded} cases encoded now"
        + (f", {before} were in the store" if before else "")
        + f"; {result.seconds:.1f} s on {result.device}, {result.precision}",
        *(f"{name}: {width} numbers in a row" for name, width in result.endpoints.items()),
    ]
    if result.drawing is not None:
        shown.append(f"{result.drawing['figure']}  {result.drawing['neighbours']}".rstrip())
    shown += [f"note: {note}" for note in result.notes]
    shown += [f"failed  case {case['case']}: {case['reason']}" for case in result.failed]
    return [*shown, result.report]


class _CohortWriter(Writer):
    """A row for each slice of each frame, or one for the case; with endpoints also in stores of the block groups."""

    def __init__(
        self, store: FeatureStore, encoder: AnySliceEncoder, choice: SliceConfig, batch: int, pool: Pool
    ) -> None:
        super().__init__(store, encoder, choice, batch)
        self._pool = pool
        self.groups: dict[str, FeatureStore] = {}

    @property
    def widths(self) -> dict[str, int]:
        """Numbers in a row of each block group."""
        return {name: store.facts.width for name, store in self.groups.items()}

    def __contains__(self, key: object) -> bool:
        return key in self.store and all(key in store for store in self.groups.values())

    def slices(self, scans: Sequence[Scan]) -> Slices:
        return Slices.of_frames(scans, self.encoder.contract.prepare)

    def add(self, key: str, name: str, slices: Slices) -> None:
        if self.groups:
            assert isinstance(self.encoder, Encoder)  # others have no block groups
            numbers = self.choice.chosen(slices)
            ends = self.encoder.endpoints(slices, numbers, self.batch)
            rows = {
                store: end_nD
                for store, end_nD in zip((*self.groups.values(), self.store), (*ends, ends[-1]), strict=True)
            }
        else:
            rows_nD, numbers = self.encoder.rows(slices, self.choice, self.batch)
            rows = {self.store: rows_nD}
        items = numbers.tolist() if self._pool == "none" else [0]
        for store, rows_nD in rows.items():
            if key not in store:
                store.append(key, name, pooled(rows_nD, self._pool), items)


def _writer(output: Path, encoder: AnySliceEncoder, recipe: Recipe, options: EmbedOptions) -> _CohortWriter:
    """Open or create the stores."""
    facts = StoreFacts(
        width=pooled_width(encoder.width, recipe.pool), encoder=encoder.digest(), prepare=recipe.digest()
    )
    widths = encoder.endpoint_widths() if options.endpoints else ()
    writer = _CohortWriter(_store(output, facts), encoder, recipe.choice, options.batch, recipe.pool)
    for name, width in zip(GROUPS, widths, strict=False):
        writer.groups[name] = _store(output / name, facts.model_copy(update={"width": width}))
    return writer


def _pool(encoder: AnySliceEncoder, options: EmbedOptions) -> Pool:
    """Return what becomes of the rows of a case.

    Raises:
        UsageError: an encoder of pictures was to see the slices as a stack.
    """
    if options.pool == "stack" and isinstance(encoder, Encoder):
        what = "is for tokenizers, whose rows are of slices over all frames"
        raise UsageError(what, where="--pool stack", fix="choose none, mean or max")
    return options.pool or encoder.pool


def _behind(output: Path, writer: _CohortWriter) -> list[str]:
    """Return a caveat where stores of block groups from an earlier run were not continued."""
    lacking = [name for name in GROUPS if name not in writer.groups and (output / name).is_dir()]
    return [f"{', '.join(lacking)}: not continued; pass --endpoints to add missing rows"] if lacking else []


def _store(folder: Path, facts: StoreFacts) -> FeatureStore:
    try:
        return FeatureStore.open_or_create(folder, facts)
    except UsageError as error:
        raise UsageError(error.what, where=error.where, fix="choose another folder or pass --force") from error


def _remove_store(output: Path) -> None:
    """Remove what a run wrote, and nothing else."""
    with as_output_error(output):
        for folder in (output, *(output / name for name in GROUPS)):
            for name in (*STORE, CASES, RECIPE, "projection.csv"):
                (folder / name).unlink(missing_ok=True)
        for name in GROUPS:
            if (output / name).is_dir():
                (output / name).rmdir()


def _publish(
    result: EmbeddedCohort,
    drawing: Drawing | None,
    recipe: Recipe,
    extracted: Extracted,
    output: Path,
    manifest: str,
    command: str,
) -> None:
    page = Result(
        results={
            name: getattr(result, name)
            for name in ("cases", "patients", "rows", "dim", "endpoints", "drawing", "encoder", "precision", "notes")
        },
        limits=result.limits,
        failures={f"case {problem.id}": problem.reason for problem in extracted.problems},
    )
    whose = f" of {result.patients} patients" if result.patients else ""
    neighbours = drawing.facts["neighbours"] if drawing is not None else ""
    page.judge(
        f"{result.rows} vectors of {result.dim} numbers from {result.cases} cases{whose}"
        + (f"; {neighbours}" if neighbours else "")
    )
    counts = [
        ("cases", result.cases),
        ("patients", result.patients),
        ("rows", result.rows),
        ("numbers in a row", result.dim),
    ]
    counts += [(f"numbers in a row of {name}", width) for name, width in result.endpoints.items()]
    vectors = page.section("Vectors")
    vectors.table([Column(name="what"), Column(name="number", numeric=True)], [[what, str(n)] for what, n in counts])
    unit = (
        "each slice of each frame (of all frames for a tokenizer)"
        if recipe.pool == "none"
        else f"each case, {_POOLED[recipe.pool]}"
    )
    vectors.text(f"features.npy holds a row for {unit}; index.csv says which, cases.csv has labels and facts.")
    if result.notes:
        vectors.text(f"Notes: {some(result.notes, between='; ')}.", "note")
    if drawing is not None:
        drawing.add_to(page)
    publish(
        page,
        output,
        title=f"Vectors of {manifest} by {recipe.model}",
        task="embed",
        lead=f"Cases are named by their ids, patients never. {NOTICE}",
        made=made(
            command, torch.get_num_threads(), {"Encoder": result.encoder[:16], "Precision": result.precision}, _PACKAGES
        ),
    )
