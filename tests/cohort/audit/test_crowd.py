from vesalius.cohort.audit.crowd import crowd_findings
from vesalius.cohort.audit.pixels import Looked
from vesalius.cohort.case import Case


def seen(n, **facts):
    return Looked(Case(id=str(n), images={"image": "x"}), **facts)


def told(rows):
    return [str(finding) for finding in crowd_findings([seen(n, **row) for n, row in enumerate(rows)])]


def test_odd_ones_out():
    usual = {"shape": (1, 1, 64, 64, 20), "spacing_mm": (1.0, 1.0, 5.0), "modality": "CT"}
    assert told([usual] * 5) == []
    assert told([usual] * 5 + [{**usual, "modality": "MR"}]) == ["warning: mixed-modality: 5: modality MR among CT"]
    (line,) = told([usual] * 5 + [{**usual, "spacing_mm": (1.0, 1.0, 0.5)}])
    assert line == "warning: spacing-outlier: 5: spacing far from the median of 1 x 1 x 5 mm"
    (line,) = told([usual] * 5 + [{**usual, "shape": (1, 1, 64, 64, 3)}])
    assert line.startswith("warning: size-outlier: 5: size far from the median of 1 x 64 x 64 x 20")
    assert told([usual, {}]) == []


def test_label_values_of_few_masks():
    rows = [{"values": frozenset({0, 1})}] * 40
    assert told([*rows, {"values": frozenset({0, 2})}]) == [
        "warning: rare-mask-value: 40: mask value 2 is in few masks"
    ]
    numbered = [{"values": frozenset(range(n))} for n in range(2, 80)]
    assert told(numbered) == []
