import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cohort.loading import Scaled, make_cohort
from vesalius.cohort import cache as module
from vesalius.cohort.cache import Cache, user_folder
from vesalius.cohort.loader import Loader

KEY = "ab" * 32
RUNS_ON_LINUX = pytest.mark.skipif(sys.platform == "win32", reason="no file size limit to set")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    arrays.arrays(
        st.sampled_from(["float32", "int16", "uint8", ">i4", "float64", "bool"]),
        arrays.array_shapes(min_dims=0, max_dims=5, max_side=4),
    )
)
def test_what_is_filed_comes_back(tmp_path, array):
    cache = Cache(tmp_path)
    assert cache.put(KEY, array)
    for found in (cache.get(KEY), Cache(tmp_path).get(KEY), np.load(cache.path(KEY), mmap_mode="r")):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
        assert not found.flags.writeable


def test_views_are_filed_in_their_own_order(tmp_path):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(2, 0, 1)[::-1]
    cache = Cache(tmp_path)
    cache.put(KEY, array)
    np.testing.assert_array_equal(cache.get(KEY), array)


def test_nothing_there():
    assert Cache(Path("nowhere")).get(KEY) is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_entry_is_no_entry(tmp_path, data):
    Cache(tmp_path).put(KEY, np.arange(50, dtype=np.float32).reshape(5, 10))
    path = Cache(tmp_path).path(KEY)
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del raw[at:]
    path.write_bytes(raw)
    assert Cache(tmp_path).get(KEY) is None
    assert not path.exists()


def test_an_entry_that_is_cut_short_while_it_is_known(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEY, np.arange(50.0))
    assert cache.get(KEY) is not None
    os.truncate(cache.path(KEY), 300)
    assert cache.get(KEY) is None


def test_a_damaged_entry_is_made_again(tmp_path):
    cohort = make_cohort(tmp_path / "data", 2)
    prepare = Scaled()

    def load():
        return [s.image for s in Loader(cohort, prepare=prepare, cache=Cache(tmp_path / "cache")).epoch(0)]

    first = load()
    entry = next((tmp_path / "cache").rglob("*.npy"))
    entry.write_bytes(entry.read_bytes()[:-20] + bytes(20))
    np.testing.assert_array_equal(load(), first)
    assert len(prepare.calls) == 3
    load()
    assert len(prepare.calls) == 3


def test_many_threads_file_one_entry(tmp_path):
    array = np.arange(10000.0)
    wrong = []

    def work():
        cache = Cache(tmp_path)
        for _ in range(20):
            cache.put(KEY, array)
            found = cache.get(KEY)
            if found is None or not np.array_equal(found, array):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{KEY}.npy"]


WORK = """
import sys
from cohort.loading import Scaled, make_cohort
from vesalius.cohort.cache import Cache
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from pathlib import Path
root = Path(sys.argv[1])
cases = tuple(Case(id=f"c{n}", images={"image": f"a{n}.nii.gz"}) for n in range(6))
loader = Loader(Cohort(cases, root), prepare=Scaled(), cache=Cache(root / "cache"))
for epoch in range(3):
    print([float(sample.image.sum()) for sample in loader.epoch(epoch)], loader.notes)
"""


def test_two_processes_fill_one_cache(tmp_path):
    make_cohort(tmp_path)
    here = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here / "tests"), str(here / "src")])}
    both = [
        subprocess.Popen([sys.executable, "-c", WORK, tmp_path], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    said = [one.communicate()[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert said[0] == said[1]
    assert said[0].count("()") == 3
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 6


def test_a_full_disk_costs_a_note_and_nothing_else(tmp_path, monkeypatch):
    def full(file, array):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    cohort = make_cohort(tmp_path / "data")
    monkeypatch.setattr(module, "_write", full)
    loader = Loader(cohort, prepare=Scaled(), cache=Cache(tmp_path / "cache"), workers=3)
    assert len(list(loader.epoch(0))) == 6
    (note,) = loader.notes
    assert "No space left on device" in note
    assert "\n" not in note
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


LIMITED = """
import resource, sys, numpy as np
from pathlib import Path
from vesalius.cohort.cache import Cache
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
cache = Cache(Path(sys.argv[1]))
print(cache.put("ab" * 32, np.zeros(100)), cache.put("cd" * 32, np.zeros(9999)), cache.put("ef" * 32, np.zeros(9999)))
print(len(cache.notes), *cache.notes)
"""


@RUNS_ON_LINUX
def test_a_file_that_cannot_grow(tmp_path):
    said = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=True)
    first, second = said.stdout.splitlines()
    assert first == "True False False"
    assert second.startswith("1 the cache")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "cache")
    assert not cache.put(KEY, np.zeros(3))
    assert cache.get(KEY) is None
    assert len(cache.notes) == 1
    assert cache.log().name == "known.txt"


def test_where_the_cache_of_the_user_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "vesalius" == Cache().folder
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for system, parts in {
        "linux": (".cache", "vesalius"),
        "darwin": ("Library", "Caches", "vesalius"),
        "win32": ("AppData", "Local", "vesalius", "cache"),
    }.items():
        monkeypatch.setattr(sys, "platform", system)
        assert user_folder() == tmp_path.joinpath(*parts)


@RUNS_ON_LINUX
def test_only_its_owner_reads_a_cache(tmp_path):
    cache = Cache(tmp_path / "cache")
    cache.put(KEY, np.zeros(3))
    assert cache.folder.stat().st_mode & 0o077 == 0
