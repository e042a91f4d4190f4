"""The secret with which DICOM UIDs are remapped: one per user, so that the series of a study stay together."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from vesalius.errors import InputError, OutputError, VesaliusError

_BYTES = 32


def uid_key(folder: Path | None = None) -> bytes:
    """Read the key, or make it on first use (mode 0600).

    Args:
        folder: where it is kept; $XDG_DATA_HOME/vesalius or ~/.local/share/vesalius by default.

    Raises:
        InputError: the key file is damaged.
        OutputError: it cannot be read or made.
    """
    path = _place(folder)
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        what = f"the key for UIDs cannot be read or made ({error.strerror})"
        raise OutputError(what, where=path, fix="pass --cache DIR with a folder of your own") from error
    if len(key) != _BYTES:
        raise InputError("the key for UIDs is damaged", where=path, fix="remove it to make a new one")
    return key


def known_uid_key() -> bytes | None:
    """The key of this user; None where there is none yet, or none that can be read."""
    try:
        return uid_key() if _place(None).exists() else None
    except (OSError, VesaliusError):
        return None


def random_key() -> bytes:
    """A key that is not kept: UIDs of this run fit together and to no other run."""
    return secrets.token_bytes(_BYTES)


def _place(folder: Path | None) -> Path:
    if folder is None:
        folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "vesalius"
    return folder / "uid.key"


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(4)}.part.{path.name}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(random_key())
    try:
        os.link(part, path)  # fails where another process was first: its key then counts
    except FileExistsError:
        pass
    finally:
        part.unlink()
