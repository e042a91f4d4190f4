"""The Hugging Face hub: ask for sizes, fetch files. With `address` the only use of the network. Needs no torch."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vesalius.errors import InputError, MissingExtraError
from vesalius.progress import MB, count
from vesalius.weights.known import Known

_GONE = {
    "GatedRepoError": ("is given out on request only", "accept its terms on the hub, log in with `hf auth login`"),
    "RepositoryNotFoundError": ("is not on the hub, or not for you", "look for it there; log in if it is private"),
    "RevisionNotFoundError": ("has no such revision", "name another --revision"),
    "EntryNotFoundError": ("lacks a file that is needed", "name another --revision"),
}
"""Errors of huggingface_hub: what to say, what to do."""
_OF_THE_DISK = (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS)
_CARRY = "try again, or fetch on a machine with a network and carry the folder over"


class UnreachableError(InputError):
    """The hub cannot be reached."""


@dataclass(frozen=True)
class HubFiles:
    """The commit of a model on the hub, and the bytes of each file that is needed."""

    commit: str
    sizes: Mapping[str, int]


def ask_hub(known: Known, revision: str | None = None) -> HubFiles:
    """Ask for the commit and the sizes of a model's files at its own revision or another; fetch nothing.

    Raises:
        InputError: it is not there, or the hub cannot be reached.
        MissingExtraError: huggingface_hub is not installed.
    """
    _prepare()
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(known.repository, revision=revision or known.revision, files_metadata=True)
    except Exception as error:  # transports raise anything
        raise _as_input_error(error, known) from error
    sizes = {file.rfilename: file.size for file in info.siblings or () if file.rfilename in known.files}
    missing = [name for name in known.files if sizes.get(name) is None]
    if missing or info.sha is None:
        what = f"lacks {', '.join(missing) or 'a commit'}"
        raise InputError(what, where=known.repository, fix="name another --revision")
    return HubFiles(info.sha, {name: int(sizes[name] or 0) for name in known.files})


def fetch_files(known: Known, listing: HubFiles, folder: Path) -> None:
    """Fetch the files of a model into an existing folder.

    Raises:
        InputError: they are not there, the hub cannot be reached, or a file came in another size.
        MissingExtraError: huggingface_hub is not installed.
    """
    _prepare()
    from huggingface_hub import hf_hub_download

    done, whole = 0, sum(listing.sizes.values())
    for name, size in listing.sizes.items():
        count(done / 1e6, whole / 1e6, MB)
        done += size
        try:
            path = Path(hf_hub_download(known.repository, name, revision=listing.commit, local_dir=folder))
        except Exception as error:  # as above
            if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
                raise
            raise _as_input_error(error, known) from error
        if path.stat().st_size != size:
            raise InputError(f"{name} came with {path.stat().st_size} bytes instead of {size}", where=known.repository)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub's notes about the download


def _as_input_error(error: Exception, known: Known) -> InputError:
    names = [cls.__name__ for cls in type(error).__mro__]
    reason = next((name for name in names if name in _GONE), None)
    if reason is not None and "LocalEntryNotFoundError" not in names:  # that one says: not in the cache, and no network
        what, fix = _GONE[reason]
        return InputError(what, where=known.repository, fix=fix)
    return UnreachableError(f"the hub cannot be reached ({type(error).__name__})", where=known.repository, fix=_CARRY)


def _prepare() -> None:
    """Keep huggingface_hub from reporting to the hub what is installed and which program started this one."""
    try:
        from huggingface_hub import constants
    except ImportError as error:
        raise MissingExtraError("huggingface_hub is not installed", extra="nets") from error
    constants.HF_HUB_DISABLE_TELEMETRY = True
