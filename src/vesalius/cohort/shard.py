"""Tar shards for training on a cluster (the WebDataset convention): files of one key stand next to each other.

A case becomes `KEY.json` (its fields in the manifest; a path is what follows "KEY." in the name of a member), then one
member for each file; a folder with a DICOM series becomes one member per instance ("image.*"), an item of an array
file one `.npy` (as it lies in the array; a whole .npy file is an `.npz`), a region of a picture or slide one `.png`. A
member of a shard is packed as the file that it holds.
KEY is the id with all characters but letters, digits, "-" and "_" replaced by "-", made unique.
`vesalius.cohort.builders.webdataset` reads the shards as a cohort.

Only scans that can be read to the end are packed. DICOM and NIfTI headers are reduced as in a `.vsl` file, unless
identifiers are kept; see `docs/privacy.md`.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.arrays import array_item
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.item import ArrayItem, TarMember, split_item
from vesalius.cohort.read import open_image, open_mask
from vesalius.cohort.tar import read_member, unpacked
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.output import new_folder
from vesalius.progress import counted
from vesalius.scan.native import Identifiers, writer
from vesalius.scan.open import suffix
from vesalius.scan.pictures.write import fits_png, write_png
from vesalius.scan.region import Region
from vesalius.scan.scan import Scan
from vesalius.scan.uid_key import uid_key
from vesalius.seeding import shuffled

_NO_NATIVE = (".nrrd", ".mha")
"""Formats without a writer: packed unchanged."""
_HEADERS_ALONE = (".nhdr", ".mhd")
_Content = Path | bytes


def shard(
    cohort: Cohort,
    folder: Path,
    *,
    shard_mib: float = 256,
    seed: int = 0,
    keep_identifiers: bool = False,
    force: bool = False,
) -> tuple[list[Path], list[str]]:
    """Write a cohort as tar files, one series of them for each split, the cases in a shuffled order.

    Args:
        cohort: cases without a split go to "all-000000.tar".
        folder: new folder for `<split>-000000.tar`, ...
        shard_mib: MiB after which a new file begins.
        seed: random seed of the order.
        keep_identifiers: pack files unchanged, with their full headers.
        force: replace an existing folder.

    Returns:
        The tar files, and a sentence for each change of headers.

    Raises:
        InputError: a file of a case is missing or not a readable scan.
        OutputError: the folder exists or cannot be written.
    """
    by_id = {case.id: case for case in cohort}
    packer = _Packer(cohort, keep_identifiers)
    names = []
    with new_folder(folder, force=force) as part:
        for split in [*cohort.splits, *([None] if any(case.split is None for case in cohort) else [])]:
            ids = shuffled([case.id for case in cohort if case.split == split], seed)
            names += _write(part, split or "all", [by_id[case_id] for case_id in ids], packer, shard_mib)
    return [folder / name for name in names], packer.notes()


def _write(folder: Path, split: str, cases: list[Case], packer: _Packer, shard_mib: float) -> list[str]:
    """Write the tar files of one split and return their names."""
    names: list[str] = []
    waiting = counted(cases, len(cases), f"cases of {split}")
    case = next(waiting, None)
    while case is not None:
        names.append(f"{_plain(split)}-{len(names):06d}.tar")
        with tarfile.open(folder / names[-1], "w", format=tarfile.PAX_FORMAT) as tar:
            while case is not None and tar.offset < shard_mib * 2**20:
                for name, data in packer.members(case):
                    info = tarfile.TarInfo(name)
                    info.size = len(data)  # no time, owner or rights: the same cohort gives the same bytes
                    tar.addfile(info, io.BytesIO(data))
                case = next(waiting, None)
    return names


@dataclass
class _Packer:
    """From a case to the members of a tar file; counts changes of headers."""

    cohort: Cohort
    keep: bool
    """Whether headers are packed unchanged."""
    counts: Counter[str] = field(default_factory=Counter)
    """Change of the header or caveat -> number of files."""

    def __post_init__(self) -> None:
        self.keys = _keys(self.cohort)

    def members(self, case: Case) -> Iterator[tuple[str, bytes]]:
        """Yield names and contents, the JSON first."""
        key = self.keys[case.id]
        files: dict[str, dict[str, str]] = {"images": {}, "masks": {}}
        sources: list[tuple[str, _Content]] = []
        with tempfile.TemporaryDirectory() as scratch:
            for kind, paths in (("image", case.images), ("mask", case.masks)):
                for name, path in paths.items():
                    label = _plain(name if name == kind else f"{kind}-{name}").lower()
                    item, source = split_item(path)[1], self.cohort.path(path)
                    listed = source.is_dir() if item is None else isinstance(item, TarMember) and item.is_series
                    parts: list[tuple[str, _Content]]
                    if isinstance(item, ArrayItem):
                        parts = [(".npy", _saved(array_item(source, item)))]
                    elif isinstance(item, Region):
                        parts = [(".png", self._region(case, kind, name, Path(scratch, f"{label}.png")))]
                    elif item is None:
                        parts = list(self._files(case, kind, source, Path(scratch, label)))
                    elif item.name.lower().endswith(".npy"):
                        parts = [(".npy", read_member(source, item.name))]
                    else:
                        with unpacked(source, item) as place:
                            packed = self._files(case, kind, place, Path(scratch, label))
                            parts = [(end, _bytes(file)) for end, file in packed]
                    files[f"{kind}s"][name] = f"{label}.*" if listed else label + parts[0][0]
                    sources += [(f"{key}.{label}{end}", content) for end, content in parts]
            hidden = {"images", "masks"} | (set() if self.keep else {"series"})
            fields = case.model_dump(mode="json", exclude_defaults=True, exclude=hidden)
            fields |= {field: paths for field, paths in files.items() if paths}
            if not self.keep and "reading" in fields:
                fields["reading"].pop("series", None)
            yield f"{key}.json", json.dumps(fields, ensure_ascii=False).encode()
            for member, content in sources:
                yield member, content if isinstance(content, bytes) else _bytes(content)

    def notes(self) -> list[str]:
        """Return one sentence for each change or caveat."""
        return [f"{what}: {count} file(s)" for what, count in sorted(self.counts.items())]

    def _files(self, case: Case, kind: str, source: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
        """Yield ends of the names of an image or mask, and the files to pack."""
        if source.name.lower().endswith(_HEADERS_ALONE):
            fix = "make one file of it with vesalius convert"
            raise InputError("is a header whose values lie in another file", where=source, fix=fix)
        alone = {"images": {IMAGE: source.name}, "masks": {MASK: source.name}}
        plain = case.model_copy(update=alone | {"fourth_axis": "time"})  # only readers of the values need channels
        scan = (open_image if kind == IMAGE else open_mask)(Cohort((plain,), source.parent), plain, kind)
        native: Any = scan.native
        if native is None and not source.name.lower().endswith(_NO_NATIVE):
            fix = "make one file of it with vesalius convert"
            raise InputError("cannot be packed the way it is opened", where=source, fix=fix)
        if native is not None and native.format == "dicom":
            paths = sorted(native.pixels.paths) if self.keep else self._reduced(scan, "default", scratch)
            numbered = source.is_dir()
            yield from ((f".{n:05d}.dcm" if numbered else ".dcm", path) for n, path in enumerate(paths))
        elif native is not None and native.format == "nifti" and (native.pair_header is not None or not self.keep):
            ending = ".nii.gz" if source.name.lower().endswith(".gz") else ".nii"
            scratch = scratch if native.pair_header is not None else scratch.with_name(scratch.name + ending)
            written = self._reduced(scan, "keep" if self.keep else "strip", scratch)
            yield from ((path.suffix if len(written) > 1 else ending, path) for path in written)
        elif source.is_dir():
            pictures = [picture.path for picture in native.pixels.pictures]
            yield from ((f".{n:05d}{suffix(path)}", path) for n, path in enumerate(pictures))
        elif suffix(source) == ".npy":
            np.savez(scratch.with_suffix(".npz"), image=np.load(regular(source), mmap_mode="r", allow_pickle=False))
            yield ".npz", scratch.with_suffix(".npz")
        else:
            yield suffix(source), source
        if self.keep or native is None or native.format not in ("dicom", "nifti"):
            _read_whole(scan)
            self.counts["packed unchanged, with their full headers"] += 1

    def _region(self, case: Case, kind: str, name: str, target: Path) -> Path:
        """Write a region of a picture or slide as PNG, which holds nothing of the header."""
        scan = (open_image if kind == "image" else open_mask)(self.cohort, case, name)
        is_picture = scan.shape[1] == scan.shape[4] == 1 and scan.colour in ("grey", "rgb", "channels")
        if not (is_picture and scan.intensity.is_identity and fits_png(scan.dtype, scan.shape[0])):
            source = self.cohort.path((case.images if kind == "image" else case.masks)[name])
            raise InputError("a region of it is no picture that PNG can hold", where=source, fix="pack whole scans")
        write_png(target, scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0))
        self.counts["regions packed as PNG"] += 1
        return target

    def _reduced(self, scan: Scan, level: Identifiers, target: Path) -> list[Path]:
        """Write files with the identifiers that `level` keeps; the file that names the scan comes first."""
        native: Any = scan.native
        packed = native.pack(level, uid_key() if native.format == "dicom" and level != "keep" else None)
        if packed.folder:
            target.mkdir()
        writer(packed.format)(packed, scan.pixels, target, None)
        paths = sorted(target.iterdir(), reverse=native.format == "nifti") if packed.folder else [target]
        if level != "keep":
            what = {"dicom": "DICOM headers reduced, UIDs hashed", "nifti": "NIfTI text and extensions blanked"}
            self.counts[what[native.format]] += len(paths)
        for warning in packed.warnings:
            self.counts[warning] += len(paths)
        return paths


def _read_whole(scan: Scan) -> None:
    """Read every frame once, so that only readable scans are packed."""
    for frame in range(scan.shape[1]):
        scan.stored(slice(frame, frame + 1))


def _bytes(source: Path) -> bytes:
    try:
        check_memory(source.stat().st_size, source)
        return regular(source).read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=source) from error


def _saved(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)


def _keys(cohort: Cohort) -> dict[str, str]:
    """Return case id -> key without dots, where WebDataset would begin the suffix."""
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
