from vesalius.cohort.audit.run import SplitCounts
from vesalius.json_values import as_json
from vesalius.tasks.cohort.counts import count_lines


def test_classes_nobody_knows_are_left_out():
    counts = SplitCounts("train", 3, 2, 0, {"any": (1, 2), "epidural": (0, 0)})
    assert as_json(counts) == {
        "name": "train",
        "cases": 3,
        "patients": 2,
        "studies_without_patient": 0,
        "positives": {"any": [1, 2], "epidural": [0, 0]},
    }
    assert list(count_lines([counts])) == ["train: 3 cases, 2 patients; any 1/2"]


def test_many_classes_are_a_table():
    whole = SplitCounts("all", 9, 5, 2, dict.fromkeys("abcd", (2, 9)))
    val = SplitCounts("val", 3, None, 2, dict.fromkeys("abc", (1, 3)))
    rows = [line.split() for line in count_lines([whole, val])]
    assert ["all", "val"] in rows
    assert ["patients", "5", "unknown"] in rows
    assert ["studies", "without", "a", "patient", "2", "2"] in rows
    assert ["a", "2/9", "1/3"] in rows
    assert ["d", "2/9", "-"] in rows


def test_studies_are_no_patients():
    lines = count_lines([SplitCounts("val", 9, None, 4, {}), SplitCounts("test", 9, 3, 1, {})])
    assert list(lines) == [
        "val: 9 cases, 4 studies (patients unknown)",
        "test: 9 cases, 3 patients and 1 study without one",
    ]
