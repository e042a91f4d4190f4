from pathlib import Path

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.scan.reading import Reading

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


def test_choices_of_reading_fill_what_the_cases_leave_open():
    chosen = Case(id="a", images={"image": "a.nii"}, reading={"spacing_from": "sform"})
    series = Case(id="b", images={"image": "b"}, series="1.2.3")
    cohort = Cohort((chosen, series), Path("data"), ("a note",))
    assert cohort.read_by(Reading()) is cohort
    first, second = read = cohort.read_by(Reading(series="9", assume_rescale=(2.0, -3.0), spacing_from="pixdim"))
    assert first.how == Reading(series="9", assume_rescale=(2.0, -3.0), spacing_from="sform")
    assert second.how == Reading(series="1.2.3", assume_rescale=(2.0, -3.0), spacing_from="pixdim")
    assert read.notes == ("a note",)
