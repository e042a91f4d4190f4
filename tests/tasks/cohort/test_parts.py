from vesalius.cohort.audit.run import Part
from vesalius.tasks.cohort.parts import part_facts, part_lines


def test_classes_nobody_knows_are_left_out():
    facts = part_facts(Part("train", 3, 2, {"any": (1, 2), "epidural": (0, 0)}))
    assert facts == {"name": "train", "cases": 3, "patients": 2, "positives": {"any": [1, 2], "epidural": [0, 0]}}
    assert list(part_lines([facts])) == ["train: 3 cases, 2 patients; any 1/2"]
