import pytest

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import CorruptFileError, UsageError
from vesalius.tasks.train.splits import check_left_out, check_splits, write_splits


def cases(root, *names, **said):
    made = (Case(id=one, patient=f"p{one}", images={"image": f"{one}.nii"}, **said) for one in names)
    return Cohort(tuple(made), root)


def begun(tmp_path):
    folder = tmp_path / "run" / "splits"
    parts = {"train": cases(tmp_path, "a", "b"), "val": cases(tmp_path), "test": cases(tmp_path, "c", facts={"x": "1"})}
    folder.parent.mkdir(exist_ok=True)
    write_splits(parts, folder)
    return parts, folder


def test_the_same_cases_pass_wherever_the_folder_lies(tmp_path):
    parts, folder = begun(tmp_path)
    check_splits(parts, folder)
    moved = tmp_path / "deep" / "er"
    moved.mkdir(parents=True)
    folder.rename(moved / "splits")
    check_splits(parts, moved / "splits")
    check_splits(parts, tmp_path / "none")


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [
        ("b", "ac", "case a was in train when this run began and is in test now"),
        ("b", "c", "case a was in train when this run began and is not there now"),
        ("abd", "c", "case d is in train now and was not there when this run began"),
        ("ba", "c", "case b stands where case a stood when this run began"),
    ],
)
def test_the_first_case_that_differs_is_told(tmp_path, train, test, told):
    parts, folder = begun(tmp_path)
    now = {"train": cases(tmp_path, *train), "val": parts["val"], "test": cases(tmp_path, *test, facts={"x": "1"})}
    with pytest.raises(UsageError, match=told) as caught:
        check_splits(now, folder)
    assert "\n" not in str(caught.value)


def test_a_changed_case_is_told(tmp_path):
    parts, folder = begun(tmp_path)
    with pytest.raises(UsageError, match="case c has another fact:x than when this run began"):
        check_splits(parts | {"test": cases(tmp_path, "c", facts={"x": "2"})}, folder)


def test_a_damaged_split_is_one_line(tmp_path):
    parts, folder = begun(tmp_path)
    for damage in (b"\xff\xff", b"name\nx\n", b"id,a\nx,1,2,3\n"):
        (folder / "train.csv").write_bytes(damage)
        with pytest.raises((CorruptFileError, UsageError)):
            check_splits(parts, folder)


def test_cases_that_cannot_be_read_are_kept_apart_and_must_stay_so(tmp_path):
    """The check before anything is read sees all cases, that after it those which cannot be read."""
    folder = tmp_path / "run" / "splits"
    folder.parent.mkdir()
    used = {"train": cases(tmp_path, "a", "c"), "val": cases(tmp_path, "d"), "test": cases(tmp_path)}
    bad = {"train": cases(tmp_path, "b"), "val": cases(tmp_path), "test": cases(tmp_path)}
    write_splits(used, folder, bad)
    assert (folder / "train.csv").read_text().count("\n") == 3
    assert [line.split(",")[0] for line in (folder / "left-out.csv").read_text().splitlines()] == ["id", "b"]
    check_splits(used | {"train": cases(tmp_path, "a", "b", "c")}, folder)
    check_left_out(bad, folder)
    with pytest.raises(UsageError, match="case b could not be read when this run began and can be now"):
        check_left_out({"train": cases(tmp_path)}, folder)
    with pytest.raises(UsageError, match="case c could be read when this run began, not now"):
        check_left_out({"train": cases(tmp_path, "b", "c")}, folder)
    with pytest.raises(UsageError, match="case b was in train when this run began and is in val now"):
        check_splits({"train": cases(tmp_path, "a", "c"), "val": cases(tmp_path, "d", "b")}, folder)
    with pytest.raises(UsageError, match="case c stands where case a stood"):
        check_splits(used | {"train": cases(tmp_path, "c", "b", "a")}, folder)
