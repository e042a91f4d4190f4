"""The vectors of one scan as plain files, and how alike its patches are: `vesalius embed`.

slice_embeddings.npy   [N, D]
slice_indices.npy      number of each slice, from 0, from below upwards where the plane is axial
embedding_mean.npy     [D]
similarity_map.npy     cosine of each patch of one slice with one of them [H, W]; .png: the same over the slice
summary.json           shape, slices, dim, seconds, peak memory
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from vesalius.report.limits import limits_line
from vesalius.scan.note import plain
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.encoder import BATCH, Encoder, similarity
from vesalius.tasks.encode.sheet import Sheet
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.tasks.encode.vectors import add, at, store_of
from vesalius.training.device import on_cpu
from vesalius.training.estimate import peak_mib
from vesalius.training.precision import Precision
from vesalius.transforms.contract import InputContract
from vesalius.transforms.ct_slices import CtWindow, ct_slices
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.resize import Resize
from vesalius.weights.card import read_card

MIDDLE = -1
_SIDE = 224


@dataclass(frozen=True)
class PatchChoice:
    """Which patches are compared.

    Args:
        slice: number of a slice; MIDDLE: the middle one of those that were chosen.
        patch: (row, column) of the patch that the others are compared with; None: the middle one.
    """

    slice: int = MIDDLE
    patch: tuple[int, int] | None = None


def embed(
    path: Path,
    output: Path,
    encoder: str,
    choice: SliceConfig | None = None,
    look: PatchChoice | None = None,
    *,
    reading: Reading = AS_STATED,
    window: CtWindow | None = None,
    batch: int = BATCH,
    precision: Precision = "auto",
    cache: Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Write the vectors of the slices of a scan into a new folder.

    Args:
        path: a scan.
        output: folder to make.
        encoder: model folder or zoo name.
        choice: of slices; None: all.
        look: patches to compare; None: those about the middle of the middle slice.
        reading: choices where the files leave some open.
        window: how axial CT slices are shown, as large as the encoder has them; None: as the encoder was trained.
        batch: slices that go through the encoder at once.
        precision: of the encoder.
        cache: folder where vectors are kept; None: that of the user.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: replace an older folder.
        progress: told what is done.

    Returns:
        {"path", "notes", "shape", "slices", "dim", "seconds", "peak_mib", "cached", "slice", "patch", "limits",
        "encoder"}, JSON-able.

    Raises:
        InputError: the scan or the encoder cannot be read.
        UsageError: no such slice or patch.
        OutputError: the folder exists or cannot be written.
    """
    refuse_existing(output, force=force)
    choice, look = choice or SliceConfig(), look or PatchChoice()
    started = time.perf_counter()
    if threads is not None:
        torch.set_num_threads(threads)
    where = "cpu" if on_cpu(device) else "cuda"
    made = Encoder.from_pretrained(encoder, where, precision)
    if window is not None:
        made = made.prepared_by(InputContract(prepare=ct_slices(window, _side(made.contract.prepare))))
    try:
        seen = _seen(path, reading, made, choice, Cache(cache), batch, progress)
    except OutputError:
        raise
    except VesaliusError as error:
        raise at(error, path) from error
    scan, slices, rows_ND, items_N = seen.scan, seen.slices, seen.rows_ND, seen.items_N
    number = int(items_N[len(items_N) // 2]) if look.slice == MIDDLE else look.slice
    if not 0 <= number < len(slices):
        raise UsageError(f"no slice {number}", where="--slice", fix=f"choose from 0 to {len(slices) - 1}, or -1")
    map_HW = similarity(made.patches(slices, number), look.patch)
    patch = look.patch or (map_HW.shape[0] // 2, map_HW.shape[1] // 2)
    sheet = Sheet.of(scan, slices, number)
    facts: dict[str, Any] = {
        "shape": list(scan.shape[2:]),
        "slices": len(rows_ND),
        "dim": rows_ND.shape[1],
        "seconds": round(time.perf_counter() - started, 3),
        "peak_mib": round(peak_mib(where == "cuda"), 1),
        "cached": seen.is_cached,
        "slice": number,
        "patch": list(patch),
        "limits": list(_caveats(made.model.folder)),
        "encoder": made.digest(),
        "precision": made.precision,
        "device": where,
        "notes": [plain(problem) for problem in scan.problems],
    }
    with new_folder(output, force=force) as folder:
        np.save(folder / "slice_embeddings.npy", rows_ND)
        np.save(folder / "slice_indices.npy", items_N)
        np.save(folder / "embedding_mean.npy", rows_ND.mean(axis=0))
        np.save(folder / "similarity_map.npy", map_HW)
        (folder / "similarity_map.png").write_bytes(sheet.picture(map_HW, "cosine similarity", patch))
        (folder / "summary.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return {"path": str(output), **facts, "notes": list(scan.problems)}


@dataclass(frozen=True, eq=False)
class _Seen:
    """A scan that was read once, and its vectors."""

    scan: Scan
    slices: Slices
    rows_ND: NDArray[np.float32]
    items_N: NDArray[np.int64]
    is_cached: bool


def _seen(
    path: Path,
    reading: Reading,
    encoder: Encoder,
    choice: SliceConfig,
    files: Cache,
    batch: int,
    progress: Callable[[str], None],
) -> _Seen:
    """Read a scan; its vectors are made where they are not kept yet."""
    case = Case.build(id="scan", images={IMAGE: path.name or "."}, series=reading.series, reading=reading)
    cohort = Cohort((case,), path.parent)
    loader = Loader(cohort, prepare=encoder.contract.prepare, cache=files)
    key, store = loader.key(case), store_of(encoder, choice, files)
    scan = open_image(cohort, case, IMAGE).resident()
    slices = Slices.of(scan, encoder.contract.prepare)
    if loader.key(case) != key:
        raise InputError("was written while it was read", where=path, fix="run again")
    is_cached = key in store
    if not is_cached:
        progress(f"encoding slices of {len(slices)}")
        add(store, key, case.id, slices, encoder, choice, batch)
    return _Seen(scan, slices, np.array(store.rows(key)), store.items(key), is_cached)


def _caveats(folder: Path) -> tuple[str, ...]:
    return read_card(folder).caveats


def _side(prepare: Prepare) -> int:
    """Pixels of the square that a preparation makes at last; where it makes none, the usual one."""
    sizes = [step.size for step in prepare.steps if isinstance(step, Resize)]
    side = sizes[-1][0] if sizes and len(set(sizes[-1])) == 1 else None
    return _SIDE if side is None else side


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    yield limits_line(result["limits"])
    how = "found in the cache" if result["cached"] else f"{result['seconds']:.1f} s on {result['device']}"
    yield f"{result['slices']} slices, {result['dim']} numbers each; {how}, {result['precision']}"
    yield from (f"note: {note}" for note in result["notes"])
    yield result["path"]
