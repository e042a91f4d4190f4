"""What a scan needs to be written back as the kind of file it came from.

The codec stores `facts` and `blobs` word for word and hands them back to `restore`; it knows no file format.
"""

from __future__ import annotations

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
    """How much a packed source holds of one kind of thing that stands in the file beside the values.

    Args:
        what: the kind, in the plural, e.g. "attributes".
        kept: how many are kept as they are.
        changed: how many are kept with another value, e.g. hashed UIDs.
        left_out: how many are not kept.
        names: of those left out, where names say nothing about a patient.
        cure: what keeps them too, e.g. "--keep-identifiers keeps them".
        of_pixels: they are bits of the pixels, beyond those that readers give as values.
        words: the numbers in words, e.g. "attributes: 41 kept, 9 kept with another value, 300 not".
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


@dataclass(frozen=True)
class Packed:
    """What is stored beside the pixels.

    Args:
        format: key of the writer in `RESTORERS`, e.g. "nifti".
        facts: small JSON facts the writer needs.
        blobs: byte strings kept word for word, e.g. the NIfTI header.
        folder: the source is a folder of files (a DICOM series, a PNG stack), so a folder is written back.
        warnings: one sentence each, for the user, e.g. on text fields that were kept.
        kept: what of the source is in here and what is not; nothing is said of what is always kept.
        exact: names of the blobs that only exact pixels can use.
    """

    format: str
    facts: dict[str, Json] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    folder: bool = False
    warnings: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    exact: tuple[str, ...] = ()

    def for_lossy(self) -> Packed:
        """Without what only exact pixels can use."""
        blobs = {name: blob for name, blob in self.blobs.items() if name not in self.exact}
        kept = tuple(
            replace(one, kept=0, left_out=one.kept + one.left_out, cure="a lossless file holds them")
            if one.of_pixels
            else one
            for one in self.kept
        )
        return replace(self, blobs=blobs, kept=kept, exact=())


@dataclass(frozen=True)
class LossyNote:
    """How lossy pixels were made, for formats that must say so (DICOM).

    Args:
        ratio: bytes of the stored pixels over bytes of the file.
        method: name of the coder.
    """

    ratio: float
    method: str


class Native(Protocol):
    """The source file's side of a scan."""

    @property
    def format(self) -> str:
        """Key of the writer, e.g. "nifti"."""
        ...

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """What to store.

        Args:
            identifiers: "default" keeps what the pixels need and no direct identifier of a DICOM file, "keep" keeps
                every attribute, "strip" blanks free text too.
            uid_key: secret with which DICOM UIDs are remapped; None only where nothing is remapped.
        """
        ...

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """How much of the source is in what was packed from it, found by comparing the two."""
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
    """The function that writes a scan back as `format`.

    Raises:
        CorruptFileError: no such format in this version.
    """
    if format not in RESTORERS:
        raise CorruptFileError(f"source format {format!r} is unknown to this version", fix="update vesalius")
    return cast(_Restore, RESTORERS.get(format))
