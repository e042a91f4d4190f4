"""What a scan needs to be written back as the kind of file it came from.

The codec stores `facts` and `blobs` word for word and hands them back to `restore`; it knows no file format.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, cast

from vesalius.errors import CorruptFileError
from vesalius.scan.pixels import Pixels

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Identifiers = Literal["default", "keep", "strip"]


@dataclass(frozen=True)
class Packed:
    """What is stored beside the pixels.

    Args:
        format: key of the writer in `_WRITERS`, e.g. "nifti".
        facts: small JSON facts the writer needs.
        blobs: byte strings kept word for word, e.g. the NIfTI header.
        folder: the source is a folder of files (a DICOM series, a PNG stack), so a folder is written back.
        warnings: one sentence each, for the user, e.g. on text fields that were kept.
    """

    format: str
    facts: dict[str, Json] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    folder: bool = False
    warnings: tuple[str, ...] = ()


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


class _Restore(Protocol):
    def __call__(self, packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None: ...


_WRITERS = {
    "nifti": "vesalius.scan.nifti:restore",
    "dicom": "vesalius.scan.dicom_write:restore",
    "numpy": "vesalius.scan.numpy_file:restore",
    "raster": "vesalius.scan.raster:restore",
}
"""format -> "module:function". NRRD and MetaImage are only read."""


def writer(format: str) -> _Restore:
    """The function that writes a scan back as `format`.

    Raises:
        CorruptFileError: no such format in this version.
    """
    if format not in _WRITERS:
        raise CorruptFileError(f"source format {format!r} is unknown to this version", fix="update vesalius")
    module, name = _WRITERS[format].split(":")
    return cast(Callable[..., None], getattr(importlib.import_module(module), name))
