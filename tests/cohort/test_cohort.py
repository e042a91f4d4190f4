from pathlib import Path

import pytest

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort, split_item

CASES = tuple(
    Case(id=name, images={"image": f"{name}.png"}, split=split, labels=labels)
    for name, split, labels in [
        ("a", "train", {"x": 1}),
        ("b", "val", {}),
        ("c", "train", {"y": 0, "x": 0}),
        ("d", None, {}),
    ]
)


def test_counts_and_parts():
    cohort = Cohort(CASES, Path("data"))
    assert len(cohort) == 4
    assert cohort.splits == {"train": 2, "val": 1}
    assert cohort.classes == ("x", "y")
    assert [case.id for case in cohort.of_split("train")] == ["a", "c"]
    assert cohort.where(lambda case: case.id > "b").root == Path("data")
    assert cohort.path("sub/x.npz#images/3") == Path("data/sub/x.npz")
    assert cohort.path("/far/x.nii") == Path("/far/x.nii")


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a.npz#train/12", ("a.npz", "train", 12)),
        ("a.npz", ("a.npz", None, 0)),
        ("a#b/3.png", ("a#b/3.png", None, 0)),
        ("a#b.npz#x/0", ("a#b.npz", "x", 0)),
        ("a.npz#x", ("a.npz#x", None, 0)),
    ],
)
def test_items_of_array_files(path, parts):
    assert split_item(path) == parts
