"""The vectors of one scan as plain files, and how similar its patches are: `vesalius embed MODEL SCAN`.

slice_embeddings.npy   [N, D]
slice_indices.npy      number of each slice, from 0, from below upwards where the plane is axial
embedding_mean.npy     [D]
similarity_map.npy     cosine of each patch of one slice with one of them [H, W]; .png: the same over the slice; not for
                       tokenizers, whose rows are of slices over all frames
summary.json, report.html   shape, slices, dim, seconds, peak memory; the slices to look through
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vesalius.cohort.cache import Cache
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, OutputError, UsageError, VesaliusError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.page import PAGE, Column, limits_line
from vesalius.report.publish import command_line, made, publish
from vesalius.report.result import Result
from vesalius.scan.note import plain
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.collection import unit
from vesalius.tasks.encode.encoder import Encoder, similarity
from vesalius.tasks.encode.load import AnySliceEncoder, load_encoder
from vesalius.tasks.encode.look import look_through
from vesalius.tasks.encode.options import MIDDLE, EmbedOptions
from vesalius.tasks.encode.sheet import Sheet
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.tasks.encode.vectors import Writer, at, store_of
from vesalius.training.device import on_cpu
from vesalius.training.estimate import peak_mib
from vesalius.weights.card import NOTICE, read_card
from vesalius.wording import Progress, quiet

_STILL = "similarity.png"


@dataclass(frozen=True)
class Embedded:
    """The result of `embed`; but for the path it is also in `summary.json`, under "results".

    Args:
        path: the folder that was written.
        shape: voxels of the scan (I, J, K).
        slices: number of vectors.
        dim: numbers in a vector.
        seconds: time of the whole run.
        peak_mib: peak memory, of the GPU where the net ran there.
        cached: whether the vectors were in the cache.
        slice: number of the slice of the similarity map.
        patch: row and column of the patch that the others are compared with; empty for a tokenizer.
        limits: caveats of the model card.
        encoder: digest of the encoder.
        precision: that it computed with.
        device: where it ran.
        notes: problems of the scan.
    """

    path: str
    shape: list[int]
    slices: int
    dim: int
    seconds: float
    peak_mib: float
    cached: bool
    slice: int
    patch: list[int]
    limits: list[str]
    encoder: str
    precision: str
    device: str
    notes: list[str]


def embed_scan(
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
) -> Embedded:
    """Write the vectors of the slices of a scan into a new folder. Arguments and errors are those of `embed`."""
    refuse_existing(output, force=force)
    options.check_of_scan()
    started = time.perf_counter()
    if threads is not None:
        torch.set_num_threads(threads)
    place = "cpu" if on_cpu(device) else "cuda"
    loaded = load_encoder(encoder, place, options.precision).through(options.window).at_side(options.resize)
    try:
        scan, slices, rows_ND, items_N, is_cached = _encode(path, reading, loaded, options, progress)
    except OutputError:
        raise
    except VesaliusError as error:
        raise at(error, path) from error
    number = int(items_N[len(items_N) // 2]) if options.slice == MIDDLE else options.slice
    if not 0 <= number < len(slices):
        raise UsageError(f"no slice {number}", where="--slice", fix=f"choose from 0 to {len(slices) - 1}, or -1")
    similar = _similar(loaded, scan, slices, number, options.patch)
    result = Embedded(
        path=str(output),
        shape=list(scan.shape[2:]),
        slices=len(rows_ND),
        dim=rows_ND.shape[1],
        seconds=round(time.perf_counter() - started, 3),
        peak_mib=round(peak_mib(place == "cuda"), 1),
        cached=is_cached,
        slice=number,
        patch=[] if similar is None else list(similar.patch),
        limits=list(read_card(loaded.folder).caveats),
        encoder=loaded.digest(),
        precision=loaded.precision,
        device=place,
        notes=list(scan.problems),
    )
    facts = asdict(result) | {"notes": [plain(problem) for problem in scan.problems]}
    del facts["path"]
    with new_folder(output, force=force) as folder:
        np.save(folder / "slice_embeddings.npy", rows_ND)
        np.save(folder / "slice_indices.npy", items_N)
        np.save(folder / "embedding_mean.npy", rows_ND.mean(axis=0))
        if similar is not None:
            np.save(folder / "similarity_map.npy", similar.map_HW)
            (folder / "similarity_map.png").write_bytes(similar.png)
        _publish(
            facts,
            rows_ND,
            scan,
            slices,
            similar,
            folder,
            path.name,
            command_line("embed", Path(encoder).name, path, output=output),
        )
    return result


def _publish(
    facts: dict[str, Any],
    rows_ND: NDArray[np.float32],
    scan: Scan,
    slices: Slices,
    similar: _Similar | None,
    folder: Path,
    name: str,
    command: str,
) -> None:
    """Write the report."""
    page = Result(results=facts, limits=facts["limits"])
    words = f"{facts['slices']} vectors of {facts['dim']} numbers from {name}"
    if len(rows_ND) > 1:
        unit_ND = unit(rows_ND)
        next_to = float((unit_ND[1:] * unit_ND[:-1]).sum(1).mean())
        words += f"; cosine of neighbouring slices {next_to:.2f}, of the ends {float(unit_ND[0] @ unit_ND[-1]):.2f}"
    page.judge(words)
    section = page.section("Slices")
    for note in facts["notes"]:
        section.text(f"Note: {note}.", "note")
    if similar is not None:
        page.figures[_STILL] = similar.png
        number, (row, column) = facts["slice"], similar.patch
        compared = f"cosine of each patch of slice {number} with the patch in row {row}, column {column}"
        block, sheets = look_through(scan, slices, {number: similar.map_HW}, start=number, still=_STILL, name=compared)
        page.figures |= sheets
        section.viewer(block)
    counts = [("voxels", " x ".join(map(str, facts["shape"]))), ("slices with a vector", str(facts["slices"]))]
    counts += [("numbers in a vector", str(facts["dim"])), ("seconds", f"{facts['seconds']:.1f}")]
    counts += [("peak memory, MiB", f"{facts['peak_mib']:.0f}")]
    section.table([Column(name="what"), Column(name="number", numeric=True)], counts)
    section.text("slice_embeddings.npy holds a row for each slice, slice_indices.npy the number of each slice.")
    device = {"Encoder": facts["encoder"][:16], "Precision": facts["precision"], "Device": facts["device"]}
    publish(
        page,
        folder,
        title=f"Vectors of {name}",
        task="embed",
        lead=NOTICE,
        made=made(command, torch.get_num_threads(), device, ("numpy", "torch", "timm")),
    )


@dataclass(frozen=True, eq=False)
class _Similar:
    """A map of the cosines of the patches of a slice with one of them, and its picture."""

    map_HW: NDArray[np.float32]
    patch: tuple[int, int]
    png: bytes


def _similar(
    encoder: AnySliceEncoder, scan: Scan, slices: Slices, number: int, patch: tuple[int, int] | None
) -> _Similar | None:
    """Compare the patches of a slice; None for a tokenizer, whose vectors are of whole slices.

    Raises:
        UsageError: no such patch.
    """
    if not isinstance(encoder, Encoder):
        if patch is not None:
            raise UsageError("a tokenizer gives vectors of slices, not of patches", where="--patch", fix="leave it out")
        return None
    map_HW = similarity(encoder.patches(slices, number), patch)
    at = patch or (map_HW.shape[0] // 2, map_HW.shape[1] // 2)
    return _Similar(map_HW, at, Sheet.of(scan, slices, number).picture(map_HW, "cosine similarity", at))


def scan_lines(result: Embedded) -> list[str]:
    """The result for people."""
    how = "found in the cache" if result.cached else f"{result.seconds:.1f} s on {result.device}"
    return [
        limits_line(result.limits),
        f"{result.slices} slices, {result.dim} numbers each; {how}, {result.precision}",
        *(f"note: {note}" for note in result.notes),
        str(Path(result.path) / PAGE),
    ]


def _encode(
    path: Path, reading: Reading, encoder: AnySliceEncoder, options: EmbedOptions, progress: Progress
) -> tuple[Scan, Slices, NDArray[np.float32], NDArray[np.int64], bool]:
    """Read a scan; return it, its slices, their vectors and numbers, and whether the vectors were cached."""
    case = Case.build(id="scan", images={IMAGE: path.name or "."}, series=reading.series, reading=reading)
    cohort, files = Cohort((case,), path.parent), Cache(options.cache)
    loader = Loader(cohort, prepare=encoder.contract.prepare, cache=files)
    choice = SliceConfig.of(options)
    key, store = loader.key(case), store_of(encoder, choice, files)
    scan = open_image(cohort, case, IMAGE).resident()
    slices = encoder.slices(scan)
    if loader.key(case) != key:
        raise InputError("was written while it was read", where=path, fix="run again")
    is_cached = key in store
    if not is_cached:
        progress(f"encoding slices of {len(slices)}")
        Writer(store, encoder, choice, options.batch).add(key, case.id, slices)
    return scan, slices, np.array(store.rows(key)), store.items(key), is_cached
