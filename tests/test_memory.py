"""The limit of memory: what is available, what is allowed, what is refused."""

import os
import zipfile

import pytest

from vesalius import memory
from vesalius.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("words", "size"),
    [("2", 2 << 30), ("1.5", 3 << 29), (".5GiB", 1 << 29), ("500MiB", 500 << 20), ("2 gib", 2 << 30)],
)
def test_an_amount_is_gib_unless_it_says_mib(words, size):
    assert memory.parse_amount(words) == size


@pytest.mark.parametrize("words", ["", "0", "-1", "2GB", "much", "nan", "inf", "1e3", "9" * 40, "0x10", "1MiB2"])
def test_another_amount_is_refused(words):
    with pytest.raises(UsageError, match="not an amount of memory"):
        memory.parse_amount(words)


def test_half_of_what_is_available_is_the_default(monkeypatch, memory_limit):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10 << 30)
    memory_limit(None)
    assert memory.limit_bytes() == 5 << 30
    monkeypatch.setattr(memory, "available_bytes", lambda: 1 << 30)
    assert memory.limit_bytes() == 5 << 30  # it was looked up once: what is read meanwhile does not lower it
    memory_limit("3")
    assert memory.limit_bytes() == 3 << 30


def test_what_needs_more_is_refused_with_both_amounts(memory_limit):
    memory_limit(1 << 30)
    memory.check_memory(1 << 30)
    with pytest.raises(InputError) as caught:
        memory.check_memory((1 << 30) + 1, "scan.nii.gz", instead="uncompress it")
    assert str(caught.value) == (
        "scan.nii.gz: needs 1.1 GiB of memory, 1.0 GiB are allowed; raise --memory, or uncompress it"
    )
    memory_limit(3 << 20)
    with pytest.raises(InputError, match=r"needs 4 MiB of memory, 3 MiB are allowed; raise --memory$"):
        memory.check_memory((3 << 20) + 1)


def test_the_machine_says_what_is_available(tmp_path):
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       100 kB\nMemFree:          1 kB\nMemAvailable:    40 kB\n")
    assert memory._free_on_machine(file) == 40 << 10
    assert memory._free_on_machine(tmp_path / "absent") >= 1 << 28  # what the system has in all


def test_control_groups_of_both_versions_count(tmp_path):
    """The tightest of a group and those above it; cached pages of files can be given back."""
    mine, mount = tmp_path / "cgroup", tmp_path / "fs"
    mine.write_text("4:memory:/job/7\n2:cpu:/\n0::/user/me\n")
    for folder, names, limit, used, cached in (
        ("user/me", memory._CGROUP_2, "max", 5, 0),
        ("user", memory._CGROUP_2, "1000", 300, 100),
        ("memory/job/7", memory._CGROUP_1, "900", 800, 50),
        ("memory", memory._CGROUP_1, "9223372036854771712", 10, 0),
    ):
        (mount / folder).mkdir(parents=True, exist_ok=True)
        (mount / folder / names[0]).write_text(f"{limit}\n")
        (mount / folder / names[1]).write_text(f"{used}\n")
        (mount / folder / "memory.stat").write_text(f"anon 1\n{names[2]} {cached}\n")
    assert sorted(memory._free_in_groups(mine, mount))[:2] == [150, 800]


def test_archives_are_weighed_before_they_are_inflated(tmp_path, memory_limit):
    path = tmp_path / "arrays.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.npy", bytes(1 << 20))
        archive.writestr("small.npy", bytes(100))
    memory_limit(1 << 20)
    memory.check_archive(path, "small.npy")
    for member in ("large.npy", None):
        with pytest.raises(InputError, match=r"needs [23] MiB"):
            memory.check_archive(path, member)
    memory.check_archive(tmp_path / "absent.npz")  # its reader says so


def test_cores_are_those_this_process_may_use(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert memory.cores() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1000000")
    assert memory.cores() >= 1
    if hasattr(os, "sched_getaffinity"):
        assert memory.cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(memory.os, "sched_getaffinity", raising=False)
    assert memory.cores() == os.cpu_count()
    monkeypatch.setattr(memory.os, "cpu_count", lambda: None)
    assert memory.cores() == 1
