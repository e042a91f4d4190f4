"""From a path to scans: what is in this file or folder, and opening it.

`find_scans` lists without decoding pixels; `open_scan` insists on exactly one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vesalius.errors import InputError, UsageError
from vesalius.files import odd_kind, regular, walk
from vesalius.named import Table
from vesalius.scan.dicom.lost import SUFFIXES
from vesalius.scan.found import Found, choose, closed_folder, refused, ways
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.signature import head_of_file, misread, signature
from vesalius.wording import some

if TYPE_CHECKING:  # a list of formats needs no NumPy
    from vesalius.scan.scan import Scan

READERS = Table(
    "kind of scan",
    {
        ".nii": "vesalius.scan.nifti.read:read",
        ".nii.gz": "vesalius.scan.nifti.read:read",
        ".hdr": "vesalius.scan.nifti.read:read",
        ".img": "vesalius.scan.nifti.read:read",
        ".hdr.gz": "vesalius.scan.nifti.read:read",
        ".img.gz": "vesalius.scan.nifti.read:read",
        ".nrrd": "vesalius.scan.slicer.nrrd:read",
        ".nhdr": "vesalius.scan.slicer.nrrd:read",
        ".mha": "vesalius.scan.slicer.metaimage:read",
        ".mhd": "vesalius.scan.slicer.metaimage:read",
        ".npy": "vesalius.scan.numpy_file:read",
        ".npz": "vesalius.scan.numpy_file:read",
        ".png": "vesalius.scan.pictures.stack:read",
        ".jpg": "vesalius.scan.pictures.stack:read",
        ".jpeg": "vesalius.scan.pictures.stack:read",
        ".tif": "vesalius.scan.pictures.stack:read",
        ".tiff": "vesalius.scan.pictures.stack:read",
    },
)
"""suffix -> function `read(path, reading) -> Scan`. A file with none of these suffixes may be DICOM."""
_FORMATS = {"nifti.read": "nifti", "scan.numpy_file": "numpy", "pictures.stack": "raster"}
"""End of a module's path -> format, where it is not the module's name."""
_ARCHIVES = ("", ".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")
"""Suffixes of archives that may hold scans; a table of a spreadsheet is a zip archive, too."""
FORMATS = frozenset({"dicom"} | {_name.lstrip(".") for _name in READERS})
"""Words for what can be read."""


@dataclass(frozen=True)
class FolderListing:
    """What lies in a folder.

    Args:
        found: the scans, and the files and folders that ought to be read and cannot be, each with its refusal.
        others: files that are no scans: texts, tables, programs.
    """

    found: tuple[Found, ...]
    others: tuple[Path, ...] = ()

    def others_line(self) -> str | None:
        """How many other files there are, by suffix; None where there are none."""
        if not self.others:
            return None
        kinds = Counter(path.suffix.lower() or "no suffix" for path in self.others)
        shown = some([f"{count} {kind}" for kind, count in kinds.most_common()])
        return f"{len(self.others)} other file(s) hold no scan: {shown}"


def open_scan(path: str | Path, reading: Reading = AS_STATED) -> Scan:
    """Open the one scan at `path`.

    Args:
        path: a NIfTI, DICOM, NRRD, MetaImage, NumPy or picture file, a folder with one DICOM series or one numbered
            stack of pictures.
        reading: choices where the files leave some open, e.g. one of several series.

    Returns:
        The scan; its problems name the files beside it that cannot be read.

    Raises:
        InputError: nothing readable there.
        UsageError: several scans; the message lists their series.
    """
    listed = find_scans(path, reading)
    found = [one for one in listed if one.refusal is None]
    lost = [one for one in listed if one.refusal is not None]
    if len(found) > 1:
        shown = some([one.series_uid or one.path.name for one in found])
        raise UsageError(f"holds {len(found)} scans ({shown})", where=path, fix=ways(found))
    if not found:
        return lost[0].open()
    from vesalius.scan.note import noting

    return noting(found[0].open, [one.path for one in lost])()


def find_scans(path: str | Path, reading: Reading = AS_STATED) -> list[Found]:
    """All scans at `path`: a file, or a folder searched through all its subfolders, in a stable order.

    What ought to be read and cannot be (damaged, empty, an archive, a FIFO, a folder without the right to list it) is
    among them, with its `refusal`.

    Raises:
        InputError: no such path, or no scan in it.
    """
    return list(list_scans(path, reading).found)


def list_scans(path: str | Path, reading: Reading = AS_STATED) -> FolderListing:
    """What `find_scans` finds, and the files that are no scans.

    Raises:
        InputError: no such path, or no scan in it.
    """
    path = Path(path)
    if not regular(path).exists():
        raise InputError("no such file or folder", where=path)
    listing = _list(path, reading)
    found = tuple(choose(listing.found, reading))
    if not found:
        what = "no readable scan here"
        raise InputError(
            what, where=path, fix="vesalius reads NIfTI, DICOM, NRRD, MetaImage, NumPy, PNG, JPEG and TIFF"
        )
    return FolderListing(found, listing.others)


def suffix(path: Path) -> str:
    """The suffix that decides about the format, lower case, ".nii.gz" in one piece."""
    name = path.name.lower()
    double = "".join(Path(name).suffixes[-2:])
    return double if double in READERS else Path(name).suffix


def _list(path: Path, reading: Reading) -> FolderListing:
    if path.is_file():
        return _sorted_out([path], reading)
    from vesalius.scan.pictures.stack import list_stack

    files, unreadable = walk(path)
    closed = [closed_folder(place, error) for place, error in unreadable]
    files = [file for file in files if not file.name.startswith(".")]
    stack = [] if closed or any(file.parent != path for file in files) else list_stack(files)
    if stack:
        return FolderListing(tuple(stack))
    listing = _sorted_out(files, reading)
    return FolderListing((*listing.found, *closed), listing.others)


def _sorted_out(files: Sequence[Path], reading: Reading) -> FolderListing:
    """Scans by their suffix, then DICOM by its content, then what looks like a scan or an archive and is not read."""
    found: list[Found] = []
    rest: list[Path] = []
    others: list[Path] = []
    known = set(files)
    for file in files:
        refusal = _refusal(file)
        has_reader = refusal is None and suffix(file) in READERS and not _is_dicom_image(file)
        if refusal is not None:
            found.append(refused(file, refusal, "file"))
        elif _is_loose_link(file):
            others.append(file)
        elif not has_reader:
            rest.append(file)
        elif not _is_second_of_pair(file, known):
            name = file.name.removesuffix(suffix(file))
            found.append(Found(file, _format(file), _opener(file, reading), name=name))
    if not rest:
        return FolderListing(tuple(found), tuple(others))
    from vesalius.scan.dicom.series import list_series

    series, rest = list_series(rest, reading)
    found += series
    for file in rest:
        reason = strange(file, alone=len(files) == 1)
        if reason is None:
            others.append(file)
        else:
            found.append(refused(file, reason, "file"))
    return FolderListing(tuple(found), tuple(others))


def _refusal(file: Path) -> InputError | None:
    """Why a file must not be opened, or leads nowhere although its name promises a scan."""
    kind = odd_kind(file)
    if kind is not None:
        return InputError(f"is {kind}, not a file", where=file, fix="move it away")
    if _is_loose_link(file) and (suffix(file) in READERS or suffix(file) in SUFFIXES):
        return InputError("is a link that leads nowhere", where=file, fix="get the file that it stands for")
    return None


def _is_loose_link(file: Path) -> bool:
    return file.is_symlink() and not file.exists()


def strange(file: Path, *, alone: bool) -> InputError | None:
    """Why a file that no reader takes is named all the same: an archive, or a volume under another suffix.

    Args:
        file: what is left over.
        alone: it is the path that was given, so that whatever it is helps.
    """
    head = head_of_file(file)
    found = signature(head)
    if found is not None and (alone or found.is_volume or (found.is_archive and suffix(file) in _ARCHIVES)):
        return InputError(f"is {found.name}{' by its content' if found.suffixes else ''}", where=file, fix=found.fix)
    return InputError("is an empty file", where=file, fix="copy it again") if alone and not head else None


def _is_second_of_pair(path: Path, files: Collection[Path]) -> bool:
    """True for the .hdr of a NIfTI or Analyze pair whose .img is among the files: it stands for both."""
    return suffix(path).startswith(".hdr") and path.with_name(path.name.replace(".hdr", ".img")) in files


def _is_dicom_image(path: Path) -> bool:
    """True for an .img that is DICOM and not half of a NIfTI or Analyze pair: both kinds use that suffix."""
    if suffix(path) != ".img":
        return False
    try:
        return head_of_file(path)[128:132] == b"DICM"
    except InputError:
        return False  # the reader gives the reason


def _format(path: Path) -> str:
    module = READERS.homes[suffix(path)].partition(":")[0]
    return _FORMATS.get(".".join(module.split(".")[-2:]), module.rpartition(".")[2])


def _opener(path: Path, reading: Reading) -> Callable[[], Scan]:
    def open_it() -> Scan:
        try:
            scan: Scan = READERS.get(suffix(path))(path, reading)
        except InputError as error:
            raise misread(path, error) from error
        return scan

    return open_it
