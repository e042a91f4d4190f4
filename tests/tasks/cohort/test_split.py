import json

import numpy as np
import pytest
from PIL import Image

from cohort.audit.planted import manifest, sound
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import InputError
from vesalius.tasks.cohort.split import lines, split_manifest


def test_one_manifest_for_each_part(tmp_path):
    path = manifest(tmp_path, sound(tmp_path))
    result = split_manifest(path, tmp_path / "out", (0.6, 0.2, 0.2), folds=2, seed=1)
    names = sorted(one.name for one in (tmp_path / "out").iterdir())
    assert names == [
        "fold0.jsonl",
        "fold1.jsonl",
        "manifest.jsonl",
        "split.json",
        "test.jsonl",
        "train.jsonl",
        "val.jsonl",
    ]
    whole = read_manifest(tmp_path / "out" / "manifest.jsonl")
    assert sorted(case.id for case in whole) == [f"c{n}" for n in range(10)]
    for name in ("train", "val", "test"):
        part = read_manifest(tmp_path / "out" / f"{name}.jsonl")
        assert [case.id for case in part] == [case.id for case in whole.of_split(name)]
        assert all(part.path(path).exists() for case in part for path in case.paths)
    folds = [read_manifest(tmp_path / "out" / f"fold{n}.jsonl") for n in (0, 1)]
    assert sorted(case.id for fold in folds for case in fold) == sorted(
        case.id for case in whole if case.split != "test"
    )
    facts = json.loads((tmp_path / "out" / "split.json").read_text())
    assert (facts["seed"], facts["folds"], facts["digest"]) == (1, 2, result.digest)
    assert next(iter(lines(result))).startswith("all: 10 cases, 10 patients; any 5/10")
    assert not list(tmp_path.glob(".*part*"))


def test_a_table_gives_tables_and_the_same_split(tmp_path):
    path = manifest(tmp_path, sound(tmp_path))
    table = write_manifest(read_manifest(path), tmp_path / "m.csv")
    first, second = split_manifest(path, tmp_path / "a", seed=5), split_manifest(table, tmp_path / "b", seed=5)
    assert first.digest == second.digest != split_manifest(path, tmp_path / "c", seed=6).digest
    assert (
        read_manifest(tmp_path / "b" / "train.csv").of_split("train").cases
        == read_manifest(tmp_path / "a" / "train.jsonl").cases
    )


def test_bad_lines_stop_it(tmp_path):
    path = manifest(tmp_path, [*sound(tmp_path), "{"])
    with pytest.raises(InputError, match="line 11"):
        split_manifest(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_near_duplicates_stay_together(tmp_path):
    draw = np.random.default_rng(0)
    cases = []
    for number in range(9):
        picture = draw.integers(0, 256, (40, 40)).astype(np.uint8)
        for name in (f"a{number}", f"b{number}") if number < 3 else (f"a{number}",):
            noise = draw.integers(0, 3, picture.shape).astype(np.uint8)
            Image.fromarray(picture // 2 + noise).save(tmp_path / f"{name}.png")
            cases.append(Case(id=name, images={"image": f"{name}.png"}))
    path = write_manifest(Cohort(tuple(cases), tmp_path), tmp_path / "m.jsonl")
    result = split_manifest(path, tmp_path / "out", (1, 1, 1), near_duplicates=True)
    split_of = {case.id: case.split for case in read_manifest(tmp_path / "out" / "manifest.jsonl")}
    assert all(split_of[f"a{n}"] == split_of[f"b{n}"] for n in range(3))
    assert "3 pairs of cases look alike" in "\n".join(result.notes)
    assert json.loads((tmp_path / "out" / "split.json").read_text())["near_duplicates"] is True
