"""What is needed to write a scan back as the kind of file it came from.

The codec stores `facts` and `blobs` unchanged and hands them back to `restore`; it knows no file format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, cast

from vesalius.errors import CorruptFileError
from vesalius.named import Table
from vesalius.scan.pixels import Pixels
from vesalius.wording import some

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Identifiers = Literal["default", "keep", "strip"]


@dataclass(frozen=True)
class Kept:
    """How much of one kind of content beside the values a packed source holds.

    Args:
        what: the kind of content, in the plural, e.g. "attributes".
        kept: number kept unchanged.
        changed: number kept with another value, e.g. hashed UIDs.
        left_out: number not kept.
        names: names of those left out, unless a name could identify a patient.
        cure: how to keep them too, e.g. "--keep-identifiers keeps them".
        of_pixels: True for bits of the pixels beyond those that readers return as values.
        words: summary, e.g. "attributes: 41 kept, 9 kept with another value, 300 not".
    """

    what: str
    kept: int = 0
    changed: int = 0
    left_out: int = 0
    names: tuple[str, ...] = ()
    cure: str = ""
    of_pixels: bool = False
    words: str = field(init=False)

    def __post_init__(self) -> None:
        parts = [f"{self.kept} kept"] if self.kept or not (self.changed or self.left_out) else []
        parts += [f"{self.changed} kept with another value"] if self.changed else []
        if self.left_out:
            names = f" ({some(self.names)})" if self.names else ""
            parts.append(f"{self.left_out} not{names}")
        object.__setattr__(self, "words", f"{self.what}: {', '.join(parts)}")


def left_out(fields: Sequence[str], surplus: int) -> tuple[Kept, ...]:
    """Return the counts of blanked header fields and of bytes behind the values, which are never kept."""
    kept = [Kept("header fields", left_out=len(fields), names=tuple(fields))] if fields else []
    return (*kept, *([Kept("bytes behind the values", left_out=surplus)] if surplus else []))


@dataclass(frozen=True)
class Packed:
    """What is stored beside the pixels.

    Args:
        format: key of the writer in `RESTORERS`, e.g. "nifti".
        facts: small JSON facts for the writer.
        blobs: byte strings stored unchanged, e.g. the NIfTI header.
        folder: the source is a folder of files (a DICOM series, a PNG stack), so a folder is written back.
        warnings: sentences for the user, e.g. about text fields that are kept.
        kept: counts of what is kept and what is not; content that is always kept is not listed.
        exact: names of the blobs that need exact pixels.
    """

    format: str
    facts: dict[str, Json] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    folder: bool = False
    warnings: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    exact: tuple[str, ...] = ()

    def for_lossy(self) -> Packed:
        """Return a copy without the blobs that need exact pixels."""
        blobs = {name: blob for name, blob in self.blobs.items() if name not in self.exact}
        kept = tuple(
            replace(count, kept=0, left_out=count.kept + count.left_out, cure="a lossless file holds them")
            if count.of_pixels
            else count
            for count in self.kept
        )
        return replace(self, blobs=blobs, kept=kept, exact=())


@dataclass(frozen=True)
class LossyNote:
    """How lossy pixels were made, for DICOM, which must state it: bytes of the pixels over those of the file; coder."""

    ratio: float
    method: str


class Native(Protocol):
    """The source file of a scan."""

    @property
    def format(self) -> str:
        """Key of the writer, e.g. "nifti"."""
        ...

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Pack what is stored beside the pixels.

        Args:
            identifiers: "default" keeps what the pixels need and no direct identifier of a DICOM file; "keep" keeps
                every attribute; "strip" also blanks free text.
            uid_key: secret for remapping DICOM UIDs; None only where nothing is remapped.
        """
        ...

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """Compare the source with what was packed from it and count what is kept."""
        ...


class _Restore(Protocol):
    def __call__(self, packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None: ...


RESTORERS = Table(
    "source format",
    {
        "nifti": "vesalius.scan.nifti.read:restore",
        "dicom": "vesalius.scan.dicom.write:restore",
        "numpy": "vesalius.scan.numpy_file:restore",
        "raster": "vesalius.scan.pictures.stack:restore",
    },
)
"""format -> function that writes a scan back. NRRD and MetaImage are only read."""


def writer(format: str) -> _Restore:
    """Return the function that writes a scan back as `format`.

    Raises:
        CorruptFileError: no such format in this version.
    """
    if format not in RESTORERS:
        raise CorruptFileError(f"source format {format!r} is unknown to this version", fix="update vesalius")
    return cast(_Restore, RESTORERS.get(format))
