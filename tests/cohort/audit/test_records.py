from pathlib import Path

from vesalius.cohort.audit.records import record_findings
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort


def told(*cases):
    rows = [
        Case.parse({"id": str(n), "images": {"image": f"{n}.png"}, "patient": str(n) * 2, **row})
        for n, row in enumerate(cases)
    ]
    return [str(finding) for finding in record_findings(Cohort(tuple(rows), Path()))]


def test_nothing_to_say():
    assert told({}, {}) == []
    assert told({"split": "train"}, {"split": "test"}) == []


def test_patients_are_never_named():
    (line,) = told({"patient": "Jane Doe", "split": "a"}, {"patient": "Jane Doe", "split": "b"})
    assert line == "error: patient-in-two-splits: the same patient is in split a (case 0) and b (case 1)"


def test_zeros_inside_a_number_count():
    assert told({"patient": "P1", "split": "a"}, {"patient": "P10", "split": "b"}) == []
    (line,) = told({"patient": "P-01", "split": "a"}, {"patient": "p1", "split": "b"})
    assert line.startswith("warning: look-alike-patients: the patients of 0 (a) and 1 (b)")


def test_what_only_some_cases_have():
    assert told({"caption": "x"}, {}) == ["note: no-caption: 1: has no caption"]
    assert told({"labels": {"x": 1}}, {"labels": {"x": 0}}, {}) == ["warning: no-label: 2: has no label"]
    lines = told({"images": {"t1": "a", "t2": "b"}}, {"images": {"t1": "c", "t2": "d"}}, {"images": {"t1": "e"}})
    assert lines == ["warning: image-not-listed: 2: has no image 't2', which most cases have"]
    (line,) = told({"patient": None}, {})
    assert line.startswith("note: no-patient: 1 of 2 cases name neither patient nor study, so leaks between splits")
    (line,) = told({"patient": None, "study": "smear"}, {})
    assert line.startswith("note: no-patient: 1 of 2 cases name a study but no patient, so leaks between studies")
    assert told({"images": {"image": "/far/x.png"}}) == [
        "note: absolute-path: 0: the path is absolute, so the cohort cannot be moved"
    ]


def test_the_maximum_of_the_labels():
    sound = [{"any": 1, "a": 1, "b": 0}, {"any": 0, "a": 0, "b": 0}, {"any": 1, "a": 0}, {"a": 1, "b": 1}]
    assert not any("contradict" in line for line in told(*({"labels": one} for one in sound)))
    for wrong in ({"any": 0, "a": 1}, {"any": 1, "a": 0, "b": 0}):
        lines = told(*({"labels": one} for one in [*sound, wrong]))
        assert "error: labels-contradict: 4: 'any' is not the maximum of the other labels" in lines
