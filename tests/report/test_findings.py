import numpy as np

from tasks.detect.tiny import random_studies
from vesalius.metrics.findings import measured, prevalences
from vesalius.metrics.operating import OperatingPoint
from vesalius.report.findings import sections, text_of

CLASSES = ("any", "sub")


def told(part, count=40):
    studies = random_studies(count)
    point = OperatingPoint((1.0, 1.0), (0.5, np.nan), 0.9, 50)
    found = measured(studies.vectors.rows_ND[:, :2].astype(float), studies.labels_SC, studies.owners, CLASSES, point)
    return {"part": part, **found, "prevalences": prevalences({part: studies.labels_SC}, CLASSES)}


def test_every_class_stands_in_the_tables():
    found = sections(told("test"), ["no patients were given"])
    tables = [block for section in found for block in section.blocks if block.kind == "table"]
    assert [row[0] for row in tables[0].rows] == ["any", "sub", "mean"]
    assert all([row[0] for row in table.rows] == ["any", "sub"] for table in tables[1:])
    assert tables[1].rows[1][1] == "-"  # no threshold
    texts = [block.text for block in found[0].blocks if block.kind == "text"]
    assert "40 studies of 40 patients" in texts[0]
    assert texts[1] == "No patients were given."


def test_validation_instead_of_test_is_a_warning():
    block = sections(told("val"), [])[0].blocks[0]
    assert block.tone == "warning"
    assert "optimistic" in block.text


def test_of_a_named_cohort_nobody_knows_whether_it_was_seen():
    found = sections(told("cohort"), [])
    assert (found[0].title, found[0].blocks[0].tone) == ("Findings of studies", "note")
    assert "not checked" in found[0].blocks[0].text
    assert "nothing was chosen on this cohort" in found[1].blocks[0].caption


def test_a_measure_in_words():
    assert text_of({"value": 0.91234, "interval": [0.8, 0.95]}, "by patient") == "0.912 (0.800 to 0.950)"
    text = text_of({"value": 0.91234, "interval": [0.8, 0.95]}, "by study (patients unknown)")
    assert text == "0.912 (0.800 to 0.950, by study (patients unknown))"
    assert text_of({"value": None, "interval": None}, "by patient") == "-"


def test_unknown_patients_stand_beside_the_intervals():
    results = told("test")
    assert sections(results, [])[0].blocks[1].caption.startswith("Intervals by patient.")
    results |= {"drawn": [0, 40], "patients": None, "intervals": "by study (patients unknown)"}
    head = sections(results, [])[0]
    assert head.blocks[0].text.startswith("40 studies (patients unknown): test split")
    assert head.blocks[1].caption.startswith("Intervals by study (patients unknown).")
    assert "alibrated" not in head.blocks[1].caption
    results |= {"studies": 60, "drawn": [10, 3]}
    assert sections(results, [])[0].blocks[0].text.startswith("60 studies of 10 patients and 3 studies without one:")
