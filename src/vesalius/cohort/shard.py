"""Tar shards for training on a cluster (the WebDataset convention): files of one key stand next to each other.

A case becomes `KEY.json` (what the manifest says, with `files`: image or mask name -> member), then one member for
each file; a folder with a DICOM series becomes one member per instance, an item of an array file one `.npy` (as it
lies in the array). KEY is the id with every sign but letters, digits, "-" and "_" written as "-", unique.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort, split_item
from vesalius.cohort.read import array_item
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.output import new_folder
from vesalius.seeding import shuffled

_DOUBLE = (".nii.gz", ".hdr.gz", ".img.gz")


def shard(cohort: Cohort, folder: Path, *, shard_mib: float = 256, seed: int = 0, force: bool = False) -> list[Path]:
    """Write a cohort as tar files, one row of them for each split, the cases in a shuffled order.

    Args:
        cohort: cases without a split go to "all-000000.tar".
        folder: to be made; holds `<split>-000000.tar`, ...
        shard_mib: a new file begins when one has reached this many MiB.
        seed: of the order.
        force: replace an existing folder.

    Raises:
        InputError: a file of a case is not there.
        OutputError: the folder exists or cannot be written.
    """
    by_id = {case.id: case for case in cohort}
    keys = _keys(cohort)
    names = []
    with new_folder(folder, force=force) as part:
        for split in [*cohort.splits, *([None] if any(case.split is None for case in cohort) else [])]:
            ids = shuffled([case.id for case in cohort if case.split == split], seed)
            names += _write(part, split or "all", [by_id[one] for one in ids], keys, cohort, shard_mib)
    return [folder / name for name in names]


def _write(
    folder: Path, split: str, cases: list[Case], keys: dict[str, str], cohort: Cohort, shard_mib: float
) -> list[str]:
    """The names of the tar files of one split."""
    names: list[str] = []
    waiting = iter(cases)
    case = next(waiting, None)
    while case is not None:
        names.append(f"{_plain(split)}-{len(names):06d}.tar")
        with tarfile.open(folder / names[-1], "w", format=tarfile.PAX_FORMAT) as tar:
            while case is not None and tar.offset < shard_mib * 2**20:
                for name, data in _members(cohort, case, keys[case.id]):
                    info = tarfile.TarInfo(name)
                    info.size = len(data)  # no time, owner or rights: the same cohort gives the same bytes
                    tar.addfile(info, io.BytesIO(data))
                case = next(waiting, None)
    return names


def _members(cohort: Cohort, case: Case, key: str) -> Iterator[tuple[str, bytes]]:
    files: dict[str, str | list[str]] = {}
    sources: list[tuple[str, str | Path]] = []
    for kind, paths in (("image", case.images), ("mask", case.masks)):
        for name, path in paths.items():
            label = _plain(name if name == kind else f"{kind}-{name}").lower()
            file, array, _ = split_item(path)
            source = cohort.path(file)
            if array is not None:
                sources.append((f"{key}.{label}.npy", path))
            elif source.is_dir():
                inside = sorted(one for one in source.rglob("*") if one.is_file() and not one.name.startswith("."))
                sources += [(f"{key}.{label}.{n:05d}.dcm", one) for n, one in enumerate(inside)]
                files[label] = [f"{label}.{n:05d}.dcm" for n in range(len(inside))]
                continue
            else:
                sources.append((f"{key}.{label}{_suffix(source)}", source))
            files[label] = sources[-1][0].removeprefix(f"{key}.")
    said = case.model_dump(mode="json", exclude_defaults=True, exclude={"images", "masks"}) | {"files": files}
    yield f"{key}.json", json.dumps(said, ensure_ascii=False).encode()
    for member, one in sources:
        yield member, _bytes(cohort, one)


def _bytes(cohort: Cohort, source: str | Path) -> bytes:
    if isinstance(source, Path):
        try:
            return regular(source).read_bytes()
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=source) from error
    buffer = io.BytesIO()
    np.save(buffer, array_item(cohort, source), allow_pickle=False)
    return buffer.getvalue()


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return next((suffix for suffix in _DOUBLE if name.endswith(suffix)), Path(name).suffix)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)


def _keys(cohort: Cohort) -> dict[str, str]:
    """Case id -> key without dots, which WebDataset takes for the beginning of the suffix."""
    keys: dict[str, str] = {}
    taken: set[str] = set()
    for case in cohort:
        key = base = _plain(case.id)
        number = 1
        while key.lower() in taken:
            number += 1
            key = f"{base}-{number}"
        taken.add(key.lower())
        keys[case.id] = key
    return keys
