"""How much memory a command may take: what needs more is refused before it is decoded.

The limit is half of what the machine has available when it is first needed, or what `set_limit` was given. It holds
for each array that is about to be made, copies counted. What is mapped from disk does not count.
"""

from __future__ import annotations

import math
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from vesalius.errors import InputError, UsageError
from vesalius.files import regular

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
_SHARE = 0.5
_UNKNOWN_BYTES = 8 * GIB
"""Taken as available where the system does not say."""
_AMOUNT = re.compile(r"(\d+\.?\d*|\.\d+) *(gib|mib)?", re.IGNORECASE)
_CGROUP_2 = ("memory.max", "memory.current", "inactive_file")
_CGROUP_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_limit: int | None = None


def limit_bytes() -> int:
    """Bytes that one decoded array, with its copies, may take."""
    global _limit
    if _limit is None:
        _limit = int(available_bytes() * _SHARE)
    return _limit


def set_limit(limit: int | str | None) -> None:
    """Set the limit of this process.

    Args:
        limit: bytes, or words such as "2GiB", "500MiB" or "2" (GiB); None: half of what is available.

    Raises:
        UsageError: not such an amount, or none at all.
    """
    global _limit
    _limit = parse_amount(limit) if isinstance(limit, str) else limit


def parse_amount(words: str) -> int:
    """Bytes of "2GiB", "500MiB" or "2" (GiB).

    Raises:
        UsageError: not such an amount.

    Example:
        >>> parse_amount("1.5GiB"), parse_amount("2")
        (1610612736, 2147483648)
    """
    match = _AMOUNT.fullmatch(words.strip())
    amount = 0 if match is None else int(float(match[1]) * (MIB if (match[2] or "").lower() == "mib" else GIB))
    if not 0 < amount < 1 << 63:
        raise UsageError(
            f"{words[:40]!r} is not an amount of memory", where="--memory", fix="give GiB, or an amount as in 500MiB"
        )
    return amount


def check_memory(needed_bytes: int, where: str | Path | None = None, *, instead: str | None = None) -> None:
    """Refuse what needs more memory than the limit.

    Args:
        needed_bytes: of everything that is held at a time.
        where: the file to name.
        instead: what helps besides a higher limit, an imperative clause.

    Raises:
        InputError: more than `limit_bytes`.
    """
    limit = limit_bytes()
    if needed_bytes > limit:
        what = f"needs {_shown(needed_bytes, math.ceil)} of memory, {_shown(limit, math.floor)} are allowed"
        raise InputError(what, where=where, fix="raise --memory" + (f", or {instead}" if instead else ""))


def check_archive(path: Path, member: str | None = None) -> None:
    """Refuse arrays of a zip archive (.npz, a PyTorch file) that do not fit; other files pass.

    Args:
        path: the archive.
        member: the one that is to be read; None: all of them.

    Raises:
        InputError: they need more than `limit_bytes`.
    """
    try:
        with zipfile.ZipFile(regular(path)) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return  # its reader says what is wrong
    check_memory(2 * (sum(sizes.values()) if member is None else sizes.get(member, 0)), path)


def available_bytes() -> int:
    """What the machine, and the control group of this process, have left."""
    rooms = [_of_machine(), *_of_groups(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))]
    return max(0, min(rooms))


def _of_machine(meminfo: Path = Path("/proc/meminfo")) -> int:
    found = re.search(r"^MemAvailable: *(\d+) kB", _text(meminfo), re.MULTILINE)
    if found:
        return int(found[1]) * KIB
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN_BYTES


def _of_groups(mine: Path, mount: Path) -> list[int]:
    """What each control group above this process has left, for both versions of control groups."""
    rooms = []
    for line in _text(mine).splitlines():
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        if controllers == "":
            root, files = mount, _CGROUP_2
        elif "memory" in controllers.split(","):
            root, files = mount / "memory", _CGROUP_1
        else:
            continue
        folder = root / group.strip("/")
        for place in [folder, *folder.parents]:  # a container may see its own group as the root
            if place.is_relative_to(root):
                rooms += _of_group(place, *files)
    return rooms


def _of_group(folder: Path, limit: str, usage: str, reclaimable: str) -> list[int]:
    most, used = _text(folder / limit).strip(), _text(folder / usage).strip()
    if not (most.isdecimal() and used.isdecimal()):
        return []
    cached = re.search(rf"^{reclaimable} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
    return [int(most) - int(used) + (int(cached[1]) if cached else 0)]


def _text(path: Path) -> str:
    try:
        return regular(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _shown(size: int, rounded: Callable[[float], int]) -> str:
    """An amount; what is needed is rounded up and the limit down, so that the two never look equal."""
    if size >= GIB:
        return f"{rounded(size / GIB * 10) / 10:.1f} GiB"
    return f"{rounded(size / MIB)} MiB"
