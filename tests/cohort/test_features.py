import csv
import os
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vesalius.cohort.features import FeatureStore, Index, StoreFacts, read_index
from vesalius.errors import InputError, OutputError, UsageError

FACTS = StoreFacts(width=4, encoder="e" * 64, prepare="p" * 64)
FILES = ("features.npy", "index.csv")


def rows(n, count=3, dtype=np.float32):
    return np.random.default_rng(n).normal(size=(count, 4)).astype(dtype)


@pytest.fixture
def store(tmp_path):
    return FeatureStore.create(tmp_path / "store", FACTS)


def test_plain_numpy_and_csv_read_a_store(store):
    store.append("k0", "case, 0", rows(0), items=[5, 9, 13])
    store.append("k1", "fäll\n1", rows(1, 1))
    whole = np.load(store.folder / "features.npy", mmap_mode="r")
    np.testing.assert_array_equal(whole, np.concatenate([rows(0), rows(1, 1)]))
    np.testing.assert_array_equal(store.features, whole)
    with (store.folder / "index.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines == [
        ["row", "case", "item", "rows", "key"],
        ["0", "case, 0", "5", "3", "k0"],
        ["1", "case, 0", "9", "3", "k0"],
        ["2", "case, 0", "13", "3", "k0"],
        ["3", "fäll 1", "0", "1", "k1"],
    ]
    again = FeatureStore.open(store.folder, FACTS)
    assert len(again) == 4
    np.testing.assert_array_equal(again.rows("k1"), rows(1, 1))


def test_a_case_is_no_formula_and_the_store_is_read_again(store):
    store.append("k0", "@SUM(1,2)", rows(0, 2))
    store.append("k1", "-1+2", rows(1, 1))
    with (store.folder / "index.csv").open(encoding="utf-8", newline="") as file:
        assert [line[1] for line in csv.reader(file)][1:] == ["'@SUM(1,2)", "'@SUM(1,2)", "'-1+2"]
    again = FeatureStore.open(store.folder, FACTS)
    np.testing.assert_array_equal(again.rows("k1"), rows(1, 1))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_an_empty_store(tmp_path, dtype):
    store = FeatureStore.create(tmp_path / "store", StoreFacts(**{**FACTS.model_dump(), "dtype": dtype}))
    assert np.load(store.folder / "features.npy").shape == store.features.shape == (0, 4)
    assert store.features.dtype == dtype
    store.append("k", "c", rows(0, dtype=np.float64))
    np.testing.assert_array_equal(store.rows("k"), rows(0, dtype=np.float64).astype(dtype))
    np.testing.assert_array_equal(np.load(store.folder / "features.npy"), store.features)


def test_a_rerun_extracts_nothing_that_is_there(store):
    store.append("a", "c0", rows(0))
    again = FeatureStore.open_or_create(store.folder, FACTS)
    assert again.missing(["b", "a", "c", "b"]) == ["b", "c"]
    assert "a" in again
    with pytest.raises(UsageError, match="in the store already"):
        again.append("a", "c0", rows(0))
    with pytest.raises(InputError, match="no features for the key b"):
        again.rows("b")


@pytest.mark.parametrize("name", ["encoder", "prepare", "width", "dtype"])
def test_features_of_something_else_are_refused(store, name):
    other = {"encoder": "x" * 64, "prepare": "y" * 64, "width": 5, "dtype": "float16"}[name]
    with pytest.raises(UsageError, match=f"features of another {name}") as told:
        FeatureStore.open_or_create(store.folder, FACTS.model_copy(update={name: other}))
    assert "\n" not in str(told.value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_a_crash_at_any_byte_costs_one_scan_at_most(tmp_path, counts, data):
    """Each of the three writes may end anywhere; what came before it is whole."""
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
    store = FeatureStore.create(tmp_path / "store", FACTS)
    states = [{name: (store.folder / name).read_bytes() for name in FILES}]
    for n, count in enumerate(counts):
        store.append(f"k{n}", "a, b", rows(n, count))
        states.append({name: (store.folder / name).read_bytes() for name in FILES})
    before, after = states[-2:]
    stage = data.draw(st.sampled_from(["values", "header", "index"]))
    torn = dict(before)
    new_values, old_values = after["features.npy"], before["features.npy"]
    if stage == "values":
        cut = data.draw(st.integers(len(old_values), len(new_values)))
        torn["features.npy"] = old_values + new_values[len(old_values) : cut]
    else:
        torn["features.npy"] = new_values if stage == "index" else old_values[:128] + new_values[128:]
    if stage == "index":
        cut = data.draw(st.integers(len(before["index.csv"]), len(after["index.csv"]) - 1))
        torn["index.csv"] = after["index.csv"][:cut]
    for name, raw in torn.items():
        (store.folder / name).write_bytes(raw)
    mended = FeatureStore.open(store.folder, FACTS)
    keys = [f"k{n}" for n in range(len(counts))]
    assert mended.missing(keys) == keys[-1:]
    for n, count in enumerate(counts[:-1]):
        np.testing.assert_array_equal(mended.rows(f"k{n}"), rows(n, count))
    mended.append(keys[-1], "a, b", rows(len(counts) - 1, counts[-1]))
    assert {name: (store.folder / name).read_bytes() for name in FILES} == after


def test_a_damaged_store_is_told(store):
    store.append("a", "c0", rows(0))
    store.append("b", "c1", rows(1))
    sound = {path: path.read_bytes() for path in store.folder.iterdir()}
    index, values, facts = (store.folder / name for name in ("index.csv", "features.npy", "store.json"))
    for path, raw in [
        (values, sound[values][:-30]),
        (values, b"nothing"),
        (values, sound[values].replace(b"<f4", b"<f2")),
        (index, sound[index].replace(b"1,c0,1,3,a", b"1,c0,1,3,b")),
        (index, sound[index].replace(b"3,c1", b"9,c1")),
        (index, b"other,columns\n"),
        (index, sound[index].replace(b"0,c0,0,3,a", b"\xff,c0,0,3,a")),
        (facts, b"{}"),
        (facts, sound[facts].replace(b"width", b"wide")),
    ]:
        path.write_bytes(raw)
        with pytest.raises(InputError) as told:
            FeatureStore.open(store.folder)
        assert "\n" not in str(told.value)
        path.write_bytes(sound[path])
    for path in sound:
        path.unlink()
        with pytest.raises(InputError):
            FeatureStore.open(store.folder)
        path.write_bytes(sound[path])
    assert len(FeatureStore.open(store.folder)) == 6


def test_rows_that_do_not_fit(store):
    for wrong in (np.zeros((2, 5)), np.zeros(4), np.zeros((0, 4)), np.full((1, 4), np.nan), np.full((1, 4), "x")):
        with pytest.raises(UsageError):
            store.append("a", "c", wrong)
    with pytest.raises(UsageError, match="letters and digits"):
        store.append("a\nb", "c", rows(0))
    with pytest.raises(UsageError, match="3 rows and 2 items"):
        store.append("a", "c", rows(0), items=[1, 2])
    half = FeatureStore.create(store.folder.parent / "half", StoreFacts(**{**FACTS.model_dump(), "dtype": "float16"}))
    with pytest.raises(UsageError, match="float16 cannot hold"):
        half.append("a", "c", np.full((1, 4), 1e6))
    assert len(store) == len(half) == 0


def test_only_one_adds_at_a_time(store):
    second = FeatureStore.open(store.folder)
    store.append("a", "c0", rows(0))
    with pytest.raises(OutputError, match="another process has added"):
        second.append("b", "c1", rows(1))
    third = FeatureStore.open(store.folder)
    third.append("b", "c1", rows(1))
    np.testing.assert_array_equal(third.features, np.concatenate([rows(0), rows(1)]))


def test_nothing_is_overwritten(store, monkeypatch):
    with pytest.raises(OutputError, match="exists already"):
        FeatureStore.create(store.folder, FACTS)

    def full(handle):
        raise OSError(28, "No space left on device")

    store.append("a", "c0", rows(0))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        store.append("b", "c1", rows(1))
    monkeypatch.undo()
    assert FeatureStore.open(store.folder).missing("ab") == ["b"]
    store.append("b", "c1", rows(1))
    np.testing.assert_array_equal(store.rows("b"), rows(1))


def test_items_of_a_scan(tmp_path):
    facts = StoreFacts(width=2, encoder="e", prepare="p")
    store = FeatureStore.create(tmp_path / "store", facts)
    store.append("a", "case, one", np.ones((3, 2)), [4, 6, 9])
    assert store.items("a").tolist() == [4, 6, 9]
    store.append("b", "two", np.ones((2, 2)))
    assert store.items("b").tolist() == [0, 1]
    assert FeatureStore.open(tmp_path / "store").items("a").tolist() == [4, 6, 9]
    with pytest.raises(InputError, match="no features"):
        store.items("c")


HEAD = "row,case,item,rows,key\n"
SOUND = HEAD + '0,"a, b",4,2,k0\n1,"a, b",7,2,k0\n2,c,0,1,k1\n'


def index_of(tmp_path, text):
    path = tmp_path / "index.csv"
    path.write_bytes(text.encode())
    return read_index(path)


def test_which_rows_belong_to_which_scan(tmp_path):
    assert index_of(tmp_path, HEAD) == Index({}, 0, len(HEAD), len(HEAD))
    assert index_of(tmp_path, SOUND) == Index({"k0": (0, 2), "k1": (2, 1)}, 3, len(SOUND), len(SOUND))


@pytest.mark.parametrize(
    "rest", ["3", "3,d,0,2,k2", "3,d,0,2,k2\n", "3,d,0,2,k2\n4,d,1,", '3,"d', "3,d,0,2,k2\n4,d,1,2,k2"]
)
def test_what_a_crash_leaves_does_not_count(tmp_path, rest):
    index = index_of(tmp_path, SOUND + rest)
    assert (index.rows, index.sound_bytes, index.file_bytes) == (3, len(SOUND), len(SOUND) + len(rest))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SOUND.replace("1,", "7,", 1), 3),  # another row
        (SOUND.replace("2,c", "nothing\n2,c"), 4),
        (SOUND.replace("7,2,k0", "7,2,k9"), 3),
        (SOUND + "3,d,0,1,k0\n4,e,0,1,k4\n", 5),  # a key twice
        (SOUND.replace("4,2,k0", "4,0,k0"), 2),
    ],
)
def test_damage_is_told_with_its_line(tmp_path, text, line):
    with pytest.raises(InputError, match=rf"line {line}: is damaged"):
        index_of(tmp_path, text)


def test_other_files_are_no_index(tmp_path):
    for text in ("", "a,b\n", HEAD[:-1]):
        with pytest.raises(InputError, match="does not begin with the columns"):
            index_of(tmp_path, text)
    with pytest.raises(InputError, match="cannot be read"):
        read_index(tmp_path / "none.csv")
