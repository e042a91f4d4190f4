"""Label masks at a path (a file, a folder or a manifest), and their pairs by the names that a counterpart may have.

In a folder, files called NAME_gt are the masks if there are any (the layout of ACDC), else all files are. Files called
NAME_ED, NAME_ES, NAME_frameXX (counted from 01) and NAME_4d, with or without _gt, belong to one patient NAME. Where
several folders hold files of one name (P1/seg.nii.gz, P2/seg.nii.gz), each folder is a patient. The pictures of a
report (`figures/` of a folder that `vesalius predict` wrote) are not masks.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from vesalius.cohort.builders.files import PICTURES, VOLUMES, files_below, relative, stem
from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.ends import ED, ES
from vesalius.cohort.manifest import is_manifest, read_manifest
from vesalius.cohort.read import open_mask
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.report.page import FIGURES
from vesalius.scan.label_values import label_map
from vesalius.scan.open import open_scan
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan

_ARRAYS = (".npy", ".npz")
_SUFFIXES = (*VOLUMES, *PICTURES, *_ARRAYS)
_GT = "_gt"
_PHASE = re.compile(r"(?P<case>.+?)_(?P<phase>ed|es|frame\d+|4d)", re.IGNORECASE)


@dataclass(frozen=True)
class Mask:
    """A mask that is not opened yet.

    Args:
        case: display name; a patient is shown under the name of its first case.
        name: of the mask within the case: "mask", "ED", "frame12", ...
        structure: what it shows where a case has masks of several structures, else "".
        patient: patient id; never appears in output.
        open: reads the header.
        where: its path, for errors.
        keys: names that its counterpart may have, the most specific first.
        cine_keys: the same for a counterpart that holds all frames.
        frame: its frame of the cine, from 0; None where unknown.
        split: train, val, test, ...
        is_patient: a manifest names the patient; else each case stands for a patient.
    """

    case: str
    name: str
    structure: str
    patient: str
    open: Callable[[], Scan]
    where: Path
    keys: tuple[str, ...]
    cine_keys: tuple[str, ...] = ()
    frame: int | None = None
    split: str | None = None
    is_patient: bool = False

    @property
    def title(self) -> str:
        """Case and mask."""
        return self.case if self.name == MASK else f"{self.case} {self.name}"


@dataclass(frozen=True)
class Pair:
    """A predicted mask and its reference.

    Args:
        predicted: mask of the same frames, or of the whole cine.
        reference: mask to compare with.
        by_cine: the predicted mask was matched by the name of the cine and must hold all its frames.
    """

    predicted: Mask
    reference: Mask
    by_cine: bool = False


def find_masks(path: Path, reading: Reading = AS_STATED) -> list[Mask]:
    """The masks at a path, in a fixed order; a manifest's choices of reading take precedence.

    Raises:
        InputError: no such path, no mask in it, or an unreadable manifest.
    """
    if not regular(path).exists():
        raise InputError("no such file or folder", where=path)
    if is_manifest(path):
        cohort = read_manifest(path).read_by(reading)
        masks = [mask for case in cohort for mask in _of_case(cohort, case)]
        if not masks:
            raise InputError("no case has a mask", where=path, fix="name a manifest with masks")
        return masks
    if path.is_file():
        return [_of_file(path, path.parent, reading)]
    marked, others = _in_folder(path)
    if not marked and not others:
        raise InputError("holds no mask", where=path, fix=f"masks end in {', '.join(_SUFFIXES)}")
    return _unique_names([_of_file(file, path, reading) for file in marked or others], path)


def ignored_files(path: Path) -> list[str]:
    """Files of a folder that are ignored because others in it are called NAME_gt."""
    marked, others = _in_folder(path) if path.is_dir() else ([], [])
    return [relative(file, path) for file in others] if marked else []


def match_masks(predicted: Sequence[Mask], reference: Sequence[Mask]) -> tuple[list[Pair], dict[str, str]]:
    """Pair masks by their names, using a name only if it is unique on both sides.

    Two single files are a pair whatever their names. A predicted mask of a whole cine may be the counterpart of several
    reference masks with known frames.

    Returns:
        Pairs in the order of the references; title of a mask without a counterpart -> why there is none.
    """
    if len(predicted) == len(reference) == 1 and not reference[0].split:
        return [Pair(predicted[0], reference[0])], {}
    offered, wanted = _by_key(predicted), _by_key(reference)
    pairs: list[Pair] = []
    alone: dict[str, str] = {}
    for mask in reference:
        unique = [key for key in mask.keys if len(wanted[key]) == 1]
        same, cine = _first(offered, unique), _first(offered, mask.cine_keys)
        if same is not None:
            pairs.append(Pair(same, mask))
        elif cine is not None:
            pairs.append(Pair(cine, mask, by_cine=True))
        else:
            names = [key for key in unique if len(offered.get(key, ())) > 1]
            why = f"{len(offered[names[0]])} predicted masks are called {names[0]}" if names else "no predicted mask"
            alone[mask.title] = why
    used = {id(pair.predicted) for pair in pairs}
    alone |= {mask.title: "no reference mask" for mask in predicted if id(mask) not in used and mask.title not in alone}
    return pairs, alone


def _in_folder(path: Path) -> tuple[list[Path], list[Path]]:
    """Files called NAME_gt, and the others."""
    files = [file for file in files_below(path, _SUFFIXES) if file.relative_to(path).parts[0] != FIGURES]
    marked = [file for file in files if stem(file, _SUFFIXES).lower().endswith(_GT)]
    return marked, [file for file in files if file not in set(marked)]


def _unique_names(masks: list[Mask], root: Path) -> list[Mask]:
    """Make case names unique by prefixing the folder."""
    folders: dict[tuple[str, str], set[Path]] = defaultdict(set)
    for mask in masks:
        folders[mask.case, mask.name].add(mask.where.parent)
    several = {case for (case, _), places in folders.items() if len(places) > 1}
    renamed = []
    for mask in masks:
        folder = relative(mask.where.parent, root)
        if mask.case in several and folder != ".":
            mask = replace(mask, case=f"{folder}/{mask.case}", patient=folder)
        renamed.append(mask)
    count = Counter(mask.title for mask in renamed)
    return [replace(mask, case=relative(mask.where, root)) if count[mask.title] > 1 else mask for mask in renamed]


def _of_file(file: Path, folder: Path, reading: Reading) -> Mask:
    name = _bare(stem(file, _SUFFIXES))
    match = _PHASE.fullmatch(name)
    case, phase = (match["case"], match["phase"]) if match else (name, MASK)
    number = re.sub(r"\D", "", phase) if phase.lower().startswith("frame") else ""
    inner = _bare(_without_suffix(relative(file, folder)))
    return Mask(
        case=case,
        name=phase.upper() if phase.upper() in (ED, ES) else phase,
        structure="",
        patient=case,
        open=lambda: label_map(open_scan(file, reading)),
        where=file,
        keys=tuple(dict.fromkeys([inner, name, case] if phase.lower() == "4d" else [inner, name])),
        cine_keys=(f"{case}_4d", case) if number else (),
        frame=int(number) - 1 if number else None,
    )


def _of_case(cohort: Cohort, case: Case) -> Iterator[Mask]:
    match = _PHASE.fullmatch(case.id) if list(case.masks) == [MASK] else None
    for name, path in case.masks.items():
        phase = match["phase"] if match else name
        phase = phase.upper() if phase.upper() in (ED, ES) else phase
        is_moment = name == MASK or name in case.frames or _PHASE.fullmatch(f"_{name}") or phase in (ED, ES)
        keys = [f"{case.id}/{name}", _bare(_without_suffix(path)), _bare(_name(path)), f"{case.id}_{name}"]
        whole = [case.id, *(_bare(_name(image)) for image in case.images.values())]
        yield Mask(
            case=match["case"] if match else case.id,
            name=phase,
            structure="" if is_moment else name,
            patient=case.patient or (match["case"] if match else case.id),
            open=partial(open_mask, cohort, case, name),
            where=cohort.path(path),
            keys=tuple(dict.fromkeys([*keys, *whole] if len(case.masks) == 1 else keys)),
            cine_keys=tuple(dict.fromkeys(whole)) if name in case.frames else (),
            frame=case.frames.get(name),
            split=case.split,
            is_patient=case.patient is not None,
        )


def _without_suffix(path: str) -> str:
    pure = PurePosixPath(path)
    return (pure.parent / _name(path)).as_posix()


def _name(path: str) -> str:
    return stem(Path(PurePosixPath(path).name), _SUFFIXES)


def _bare(name: str) -> str:
    """A name without the suffix of a reference."""
    return name[: -len(_GT)] if name.lower().endswith(_GT) and len(name) > len(_GT) else name


def _by_key(masks: Sequence[Mask]) -> dict[str, list[Mask]]:
    index: dict[str, list[Mask]] = defaultdict(list)
    for mask in masks:
        for key in dict.fromkeys(mask.keys):
            index[key].append(mask)
    return dict(index)


def _first(index: dict[str, list[Mask]], keys: Iterable[str]) -> Mask | None:
    """The mask of the first unambiguous name."""
    return next((index[key][0] for key in keys if len(index.get(key, ())) == 1), None)
