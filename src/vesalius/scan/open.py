"""From a path to scans: what a file or folder holds, and opening it.

`find_scans` lists without decoding pixels; `open_scan` insists on exactly one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vesalius.arguments import checked
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
"""Suffixes of archives that may hold scans; office documents are zip archives too."""
FORMATS = frozenset({"dicom"} | {_name.lstrip(".") for _name in READERS})
"""Readable formats."""


@dataclass(frozen=True)
class FolderListing:
    """Contents of a folder.

    Args:
        found: the scans, and unreadable files and folders that should be scans, each with its refusal.
        others: files that are no scans: texts, tables, programs.
    """

    found: tuple[Found, ...]
    others: tuple[Path, ...] = ()

    def others_line(self) -> str | None:
        """Return the number of other files by suffix, or None where there are none."""
        if not self.others:
            return None
        kinds = Counter(path.suffix.lower() or "no suffix" for path in self.others)
        shown = some([f"{count} {kind}" for kind, count in kinds.most_common()])
        return f"{len(self.others)} other file(s) are not scans: {shown}"


@checked
def open_scan(path: str | Path, reading: Reading = AS_STATED) -> Scan:
    """Open the one scan at `path`.

    Args:
        path: a NIfTI, DICOM, NRRD, MetaImage, NumPy or picture file, a folder with one DICOM series or one numbered
            stack of pictures.
        reading: choices where the files are ambiguous, e.g. one of several series.

    Returns:
        The scan; its problems name unreadable files beside it.

    Raises:
        InputError: nothing readable at `path`.
        UsageError: several scans; the message lists their series.
    """
    listed = find_scans(path, reading)
    found = [scan for scan in listed if scan.refusal is None]
    lost = [scan for scan in listed if scan.refusal is not None]
    if len(found) > 1:
        shown = some([scan.series_uid or scan.path.name for scan in found])
        raise UsageError(f"holds {len(found)} scans ({shown})", where=path, fix=ways(found))
    if not found:
        return lost[0].open()
    from vesalius.scan.note import noting

    return noting(found[0].open, [scan.path for scan in lost])()


@checked
def find_scans(path: str | Path, reading: Reading = AS_STATED) -> list[Found]:
    """Return all scans at `path`: a file, or a folder with all its subfolders, in a stable order.

    Files and folders that should be readable and are not (damaged, empty, an archive, a FIFO, no permission to list)
    are included, with their `refusal`.

    Raises:
        InputError: no such path, or no scan in it.
    """
    return list(list_scans(path, reading).found)


def list_scans(path: str | Path, reading: Reading = AS_STATED) -> FolderListing:
    """Return what `find_scans` finds, and the files that are no scans.

    Raises:
        InputError: no such path, or no scan in it.
    """
    path = Path(path)
    if not regular(path).exists():
        raise InputError("no such file or folder", where=path)
    listing = _list(path, reading)
    found = tuple(choose(listing.found, reading))
    if not found:
        fix = "vesalius reads NIfTI, DICOM, NRRD, MetaImage, NumPy, PNG, JPEG and TIFF"
        raise InputError("no readable scan here", where=path, fix=fix)
    return FolderListing(found, listing.others)


def suffix(path: Path) -> str:
    """Return the suffix that decides the format, in lower case; ".nii.gz" counts as one suffix."""
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
    """Sort files into scans by suffix, DICOM by content, and unread files that look like a scan or an archive."""
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
    """Return why a file must not be opened, or leads nowhere although its name promises a scan."""
    kind = odd_kind(file)
    if kind is not None:
        return InputError(f"is {kind}, not a file", where=file, fix="move it away")
    if _is_loose_link(file) and (suffix(file) in READERS or suffix(file) in SUFFIXES):
        return InputError("is a link that leads nowhere", where=file, fix="copy the file that it points to")
    return None


def _is_loose_link(file: Path) -> bool:
    return file.is_symlink() and not file.exists()


def strange(file: Path, *, alone: bool) -> InputError | None:
    """Return why a file that no reader takes is reported anyway: an archive, or a volume with another suffix.

    Any reason helps where the file is `alone`: the only one at the given path.
    """
    head = head_of_file(file)
    kind = signature(head)
    if kind is not None and (alone or kind.is_volume or (kind.is_archive and suffix(file) in _ARCHIVES)):
        return InputError(f"is {kind.name}{' by its content' if kind.suffixes else ''}", where=file, fix=kind.fix)
    return InputError("is an empty file", where=file, fix="copy it again") if alone and not head else None


def _is_second_of_pair(path: Path, files: Collection[Path]) -> bool:
    """True for the .hdr of a NIfTI or Analyze pair whose .img is among the files: the .img stands for both."""
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
    def open_file() -> Scan:
        try:
            scan: Scan = READERS.get(suffix(path))(path, reading)
        except InputError as error:
            raise misread(path, error) from error
        return scan

    return open_file
