"""Fetch files of weights from an address, such as a mirror or the server of a hospital. Needs no torch.

The only network use besides `hub`.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from vesalius.errors import InputError, UsageError

_OF_THE_DISK = (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS)
_WEIGHTS = (".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".npz")
_WAIT_S = 60


def is_address(text: str) -> bool:
    """Whether a text is an address, not a path.

    Raises:
        UsageError: an address that is neither http nor https.

    Example:
        >>> is_address("https://mirror.example/model.pth"), is_address("downloads/model.pth")
        (True, False)
    """
    scheme, mark, _ = text.partition("://")
    if mark and scheme not in ("http", "https"):
        raise UsageError(f"{scheme} is not supported", where="--from", fix="give https://..., http://... or a path")
    return bool(mark)


def addresses(address: str, names: Sequence[str]) -> dict[str, str]:
    """Return the address of each file that is needed, by name.

    Args:
        address: of the weights themselves, which is the last of the names: it ends in .pth, .safetensors, ... or has a
            query; or of the folder of all files.
        names: of the files.

    Example:
        >>> addresses("https://mirror.example/models", ["config.json", "model.safetensors"])["config.json"]
        'https://mirror.example/models/config.json'
    """
    parts = urlsplit(address)
    if parts.query or PurePosixPath(parts.path).suffix.lower() in _WEIGHTS:
        return {names[-1]: address}
    return {name: f"{address.rstrip('/')}/{name}" for name in names}


def ask_sizes(places: Mapping[str, str]) -> dict[str, int | None]:
    """Return the bytes of each file, None where the server does not state them; fetch nothing.

    Raises:
        InputError: a file is not there, or the server cannot be reached.
    """
    sizes = {}
    for name, address in places.items():
        with _opened(address) as answer:
            sizes[name] = answer.length
    return sizes


def fetch_addresses(places: Mapping[str, str], folder: Path) -> dict[str, int]:
    """Fetch files into an existing folder; return their bytes.

    Raises:
        InputError: a file is not there, is cut short or is a web page, or the server cannot be reached.
    """
    for name, address in places.items():
        try:
            with _opened(address) as answer, (folder / name).open("wb") as file:
                size = answer.length
                shutil.copyfileobj(answer, file, 1 << 20)
        except (OSError, HTTPException) as error:
            if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
                raise
            raise _unreachable(address, error) from error
        got = (folder / name).stat().st_size
        if size is not None and got != size:
            raise InputError(f"sent {got} bytes instead of {size}", where=address, fix="try again")
    return {name: (folder / name).stat().st_size for name in places}


def _opened(address: str) -> HTTPResponse:
    """Ask for an address; send nothing but the name of the program."""
    try:
        answer: HTTPResponse = urlopen(Request(address, headers={"User-Agent": "vesalius"}), timeout=_WAIT_S)
    except HTTPError as error:
        raise InputError(f"answers {error.code} ({error.reason})", where=address, fix="check the address") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(address, error) from error
    if answer.headers.get_content_type() == "text/html":
        answer.close()
        fix = "fetch the file with a browser, and name it with --from"
        raise InputError("is a web page, not a file of weights", where=address, fix=fix)
    return answer


def _unreachable(address: str, error: Exception) -> InputError:
    what = f"cannot be reached ({type(error).__name__})"
    return InputError(what, where=address, fix="try again, or fetch it elsewhere and name the file with --from")
