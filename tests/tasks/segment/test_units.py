from pathlib import Path

import pytest

from tasks.segment.small import settings
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import UsageError
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.units import frame_of_units, units


def data(**changes):
    return SegmentConfig.parse(settings("m.jsonl", **changes)).data


def cohort(*cases):
    return Cohort(tuple(cases), Path())


def case(name, split=None, masks=("mask",), frames=None, fold=None):
    paths = {one: f"{name}_{one}.nii" for one in masks}
    return Case(id=name, images={"image": f"{name}.nii"}, masks=paths, frames=frames or {}, split=split, fold=fold)


def test_each_map_of_a_cine_is_a_unit():
    found = units(
        cohort(case("a", masks=("ED", "ES"), frames={"ED": 0, "ES": 7}), case("b", masks=("ED",))), ("ED", "ES")
    )
    assert [one.id for one in found] == ["a/ED", "a/ES", "b/ED"]
    assert [one.frames for one in found] == [{"mask": 0}, {"mask": 7}, {}]
    assert found.cases[1].masks == {"mask": "a_ES.nii"}


def test_static_units_keep_their_id():
    assert [one.id for one in units(cohort(case("a"), case("b", masks=())), ("mask",))] == ["a"]


def test_frames_are_all_or_none():
    with_frame = units(cohort(case("a", masks=("ED",), frames={"ED": 3})), ("ED",))
    assert frame_of_units(with_frame, data()) == "mask"
    static = units(cohort(case("b")), ("mask",))
    assert frame_of_units(static, data()) is None
    with pytest.raises(UsageError, match="1 of 2 masks lie on a frame"):
        frame_of_units(cohort(*with_frame, *static), data())


def test_splits_of_the_manifest_are_kept():
    parts = data().splits(cohort(case("a", "train"), case("b", "val"), case("c", "test"), case("d", "train")), 0)
    assert {name: [one.id for one in part] for name, part in parts.items()} == {
        "train": ["a", "d"],
        "val": ["b"],
        "test": ["c"],
    }


def test_without_splits_it_is_split_by_patient_and_an_old_test_split_stays():
    cases = [case(f"{n}", "train" if n < 20 else "test") for n in range(30)]
    parts = data().splits(cohort(*cases), 0)
    assert {one.id for one in parts["test"]} == {f"{n}" for n in range(20, 30)}
    assert len(parts["train"]) + len(parts["val"]) == 20
    assert len(parts["val"]) >= 2
    bare = data().splits(cohort(*(case(f"{n}") for n in range(20))), 0)
    assert sum(len(part) for part in bare.values()) == 20
    assert all(len(part) for part in bare.values())


def test_folds():
    cases = [case(f"{n}", "train", fold=n % 5) for n in range(10)] + [case("t", "test")]
    parts = data().model_copy(update={"fold": 2}).splits(cohort(*cases), 0)
    assert [one.id for one in parts["val"]] == ["2", "7"]
    assert len(parts["train"]) == 8
    assert [one.id for one in parts["test"]] == ["t"]


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(UsageError, match="the split 'train' has no case with a mask called seg"):
        data().model_copy(update={"masks": ("seg",)}).splits(cohort(case("a", "train"), case("b", "val")), 0)
