from vesalius.cohort.audit.run import Part
from vesalius.tasks.cohort.parts import part_facts, part_lines


def test_classes_nobody_knows_are_left_out():
    facts = part_facts(Part("train", 3, 2, {"any": (1, 2), "epidural": (0, 0)}))
    assert facts == {"name": "train", "cases": 3, "patients": 2, "positives": {"any": [1, 2], "epidural": [0, 0]}}
    assert list(part_lines([facts])) == ["train: 3 cases, 2 patients; any 1/2"]


def test_many_classes_are_a_table():
    whole = part_facts(Part("all", 9, 5, {name: (2, 9) for name in "abcd"}))
    part = part_facts(Part("val", 3, 2, {name: (1, 3) for name in "abc"}))
    (text,) = part_lines([whole, part])
    rows = [line.split() for line in text.splitlines()]
    assert ["all", "val"] in rows
    assert ["patients", "5", "2"] in rows
    assert ["a", "2/9", "1/3"] in rows
    assert ["d", "2/9", "-"] in rows
