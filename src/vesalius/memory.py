"""A memory limit: scans and files that need more are refused before they are decoded; the processors of a process.

The limit is half of the available memory when it is first needed, or the value given to `set_limit`. It holds for each
array that is about to be made, its copies included. Arrays mapped from disk do not count.
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
"""Assumed to be available where the system does not say."""
_AMOUNT = re.compile(r"(\d+\.?\d*|\.\d+) *(gib|mib)?", re.IGNORECASE)
_CGROUP_2 = ("memory.max", "memory.current", "inactive_file")
_CGROUP_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_limit: int | None = None


def limit_bytes() -> int:
    """Return the bytes that one decoded array may take, its copies included."""
    global _limit
    if _limit is None:
        _limit = int(available_bytes() * _SHARE)
    return _limit


def set_limit(limit: int | str | None) -> None:
    """Set the limit of this process.

    Args:
        limit: bytes, or text such as "2GiB", "500MiB" or "2" (GiB); None: half of the available memory.

    Raises:
        UsageError: not an amount of memory.
    """
    global _limit
    _limit = parse_amount(limit) if isinstance(limit, str) else limit


def parse_amount(words: str) -> int:
    """Return the bytes of "2GiB", "500MiB" or "2" (GiB).

    Raises:
        UsageError: not an amount of memory.

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
    """Raise InputError if the memory limit is too low.

    Args:
        needed_bytes: bytes of all arrays held at a time.
        where: the file to name.
        instead: another remedy besides a higher limit, an imperative clause.

    Raises:
        InputError: more than `limit_bytes`.
    """
    limit = limit_bytes()
    if needed_bytes > limit:
        what = f"needs {_shown(needed_bytes, math.ceil)} of memory, {_shown(limit, math.floor)} are allowed"
        raise InputError(what, where=where, fix="raise --memory" + (f", or {instead}" if instead else ""))


def check_archive(path: Path, member: str | None = None) -> None:
    """Raise InputError for a zip archive (.npz, a PyTorch file) whose arrays do not fit; other files pass.

    Args:
        path: the archive.
        member: the only one that is read; None: all of them.

    Raises:
        InputError: they need more than `limit_bytes`.
    """
    try:
        with zipfile.ZipFile(regular(path)) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return  # the reader reports the problem
    check_memory(2 * (sum(sizes.values()) if member is None else sizes.get(member, 0)), path)


def cores() -> int:
    """Return the number of processors that this process may use: OMP_NUM_THREADS, where a cluster or a user sets it."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(limit), there) if limit.isdecimal() and int(limit) else there


def available_bytes() -> int:
    """Return the bytes that the machine and the control groups of this process have left."""
    free = [_free_on_machine(), *_free_in_groups(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))]
    return max(0, min(free))


def _free_on_machine(meminfo: Path = Path("/proc/meminfo")) -> int:
    match = re.search(r"^MemAvailable: *(\d+) kB", _text(meminfo), re.MULTILINE)
    if match:
        return int(match[1]) * KIB
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN_BYTES


def _free_in_groups(mine: Path, mount: Path) -> list[int]:
    """Return the bytes that each control group above this process has left, for both versions of control groups."""
    free = []
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
                free += _free_in_group(place, *files)
    return free


def _free_in_group(folder: Path, limit: str, usage: str, reclaimable: str) -> list[int]:
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
    """Format an amount; a need is rounded up and a limit down, so that the two never look equal."""
    if size >= GIB:
        return f"{rounded(size / GIB * 10) / 10:.1f} GiB"
    return f"{rounded(size / MIB)} MiB"
