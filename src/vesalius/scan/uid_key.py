"""The secret for remapping DICOM UIDs: one per user, so that the series of a study stay together."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from vesalius.errors import InputError, OutputError, VesaliusError
from vesalius.files import regular

_BYTES = 32


def uid_key(folder: Path | None = None) -> bytes:
    """Return the key; it is created on first use (mode 0600).

    Its folder is $XDG_DATA_HOME/vesalius or ~/.local/share/vesalius by default.

    Raises:
        InputError: the key file is damaged.
        OutputError: it cannot be read or created.
    """
    path = _place(folder)
    try:
        if not path.exists():
            _create(path)
        key = regular(path).read_bytes()
    except OSError as error:
        what = f"the key for UIDs cannot be read or created ({error.strerror})"
        raise OutputError(what, where=path, fix="pass --cache DIR with a folder that you may write to") from error
    if len(key) != _BYTES:
        raise InputError("the key for UIDs is damaged", where=path, fix="remove it, so that a new one is created")
    return key


def known_uid_key() -> bytes | None:
    """Return the key of this user, or None where it does not exist or cannot be read."""
    try:
        return uid_key() if _place(None).exists() else None
    except (OSError, VesaliusError):
        return None


def random_key() -> bytes:
    """Return a key that is not stored: UIDs match within this run and no other."""
    return secrets.token_bytes(_BYTES)


def _place(folder: Path | None) -> Path:
    if folder is None:
        folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "vesalius"
    return folder / "uid.key"


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(4)}.part.{path.name}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(random_key())
    try:
        os.link(part, path)  # fails where another process was first: then its key is used
    except FileExistsError:
        pass
    finally:
        part.unlink()
