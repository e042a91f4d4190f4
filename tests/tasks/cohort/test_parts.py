from vesalius.cohort.audit.run import SplitCounts
from vesalius.tasks.cohort.parts import part_facts, part_lines


def test_classes_nobody_knows_are_left_out():
    facts = part_facts(SplitCounts("train", 3, 2, 0, {"any": (1, 2), "epidural": (0, 0)}))
    assert facts == {
        "name": "train",
        "cases": 3,
        "patients": 2,
        "studies_without_patient": 0,
        "positives": {"any": [1, 2], "epidural": [0, 0]},
    }
    assert list(part_lines([facts])) == ["train: 3 cases, 2 patients; any 1/2"]


def test_many_classes_are_a_table():
    whole = part_facts(SplitCounts("all", 9, 5, 2, {name: (2, 9) for name in "abcd"}))
    part = part_facts(SplitCounts("val", 3, 0, 2, {name: (1, 3) for name in "abc"}))
    rows = [line.split() for line in part_lines([whole, part])]
    assert ["all", "val"] in rows
    assert ["patients", "5", "unknown"] in rows
    assert ["studies", "without", "a", "patient", "2", "2"] in rows
    assert ["a", "2/9", "1/3"] in rows
    assert ["d", "2/9", "-"] in rows


def test_studies_are_no_patients():
    lines = part_lines([part_facts(SplitCounts("val", 9, 0, 4, {})), part_facts(SplitCounts("test", 9, 3, 1, {}))])
    assert list(lines) == [
        "val: 9 cases, 4 studies (patients unknown)",
        "test: 9 cases, 3 patients and 1 study without one",
    ]
