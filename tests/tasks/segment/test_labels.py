from pathlib import Path

import numpy as np
import pytest

from tasks.segment.small import blob, make_cohort, settings
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError, UsageError
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.label_values import LabelValues
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.labels import (
    frame_of_units,
    largest_pieces,
    organ_pieces,
    read_classes,
    units,
    walled,
)

VALUES = LabelValues({"bright": (4,), "dark": (7,)})


def test_the_largest_piece_stays():
    labels = np.zeros((8, 8, 2), int)
    labels[0:3, 0:3] = 1
    labels[5:7, 5:7] = 1
    labels[7, 7] = 2
    labels[4, 4] = 2
    kept = largest_pieces(labels, [1])
    assert (kept[0:3, 0:3] == 1).all()
    assert not (kept[5:7, 5:7] == 1).any()
    assert (kept == 2).sum() == 4
    assert labels[5, 5, 0] == 1


def test_pieces_that_adjoin_are_kept_and_not_larger_ones_apart():
    labels = np.zeros((14, 14, 2), int)
    labels[0:6, 0:6] = 1  # larger, with a little of class 2 at its side
    labels[6, 0] = 2
    labels[8:10, 8:10] = 1
    labels[10, 8:11] = 2
    labels[11, 9] = 3
    labels[0:3, 9:13] = 3  # larger, apart
    labels[13, 0] = 4  # not of the organ
    kept = organ_pieces(labels, [1, 2, 3])
    assert not kept[:8].any()
    np.testing.assert_array_equal(kept[8:], labels[8:])


def test_pieces_joined_by_another_class_are_still_told_apart():
    labels = np.zeros((12, 9, 1), int)
    labels[1:4, 1:4], labels[2, 2] = 2, 1  # a chamber in its wall
    labels[4:7, 2:5] = 3
    labels[7:12, 0:9] = 1  # taken for the chamber, larger
    kept = organ_pieces(labels, [1, 2, 3])
    np.testing.assert_array_equal(kept[:7], labels[:7])
    assert not kept[7:].any()


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2), (5, 6)])
def test_without_a_border_the_largest_piece_of_each_class_stays(numbers):
    labels = np.zeros((9, 9, 1), int)
    labels[0:3, 0:3], labels[5, 0], labels[5, 5:7], labels[8, 8] = 1, 1, 2, 2
    np.testing.assert_array_equal(organ_pieces(labels, numbers), largest_pieces(labels, numbers))


def test_a_large_cavity_needs_its_wall():
    labels = np.zeros((12, 12, 4), int)
    labels[2:10, 2:10, :2] = 2
    labels[3:9, 3:9, :3] = 1  # enclosed in the first two slices, bare in the third
    labels[5:7, 5:7, 3] = 1  # bare, and small, as at an apex
    labels[3:6, 2, 1] = 3  # part of the wall is taken for something else
    kept = walled(labels, 1, 2)
    np.testing.assert_array_equal(kept[..., [0, 1, 3]], labels[..., [0, 1, 3]])
    assert not kept[..., 2].any()
    np.testing.assert_array_equal(walled(np.zeros_like(labels), 1, 2), 0)
    labels[3:9, 2, 1], labels[2, 3:9, 1], labels[9, 3:9, 1] = 3, 0, 0  # open on three sides
    assert not (walled(labels, 1, 2)[..., 1] == 1).any()


def test_classes_of_a_unit(tmp_path):
    cohort = units(read_manifest(make_cohort(tmp_path, ("train",))), ("mask",))
    found = read_classes(cohort, cohort.cases[0], VALUES)
    labels = blob(0)[1]
    np.testing.assert_array_equal(found, (labels == 4) + 2 * (labels == 7))


def test_a_map_over_time_is_refused(tmp_path):
    cohort = units(read_manifest(make_cohort(tmp_path, ("train",))), ("mask",))
    write_nifti(tmp_path / "c0_seg.nii.gz", np.zeros((3, 20, 18, 12), np.uint8), np.eye(4), 0.1)
    with pytest.raises(InputError, match="is no volume"):
        read_classes(cohort, cohort.cases[0], VALUES)


@pytest.mark.parametrize("value", [3.6, 65540.0, np.nan])
def test_what_is_no_label_is_refused(tmp_path, value):
    cohort = units(read_manifest(make_cohort(tmp_path, ("train",))), ("mask",))
    labels = blob(0)[1].astype(np.float32)
    labels[0, 0, 0] = value
    write_nifti(tmp_path / "c0_seg.nii.gz", labels[None], np.eye(4))
    with pytest.raises(InputError, match="case c0: a mask holds values other than whole numbers from -32768"):
        read_classes(cohort, cohort.cases[0], VALUES)


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
