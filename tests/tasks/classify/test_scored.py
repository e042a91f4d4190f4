import math

import numpy as np
import pytest

from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.scored import Scored, outcome_of

CALIBRATION = Calibration(
    classes=("any", "sub"), temperatures=(2.0, 2.0), thresholds=(0.5, None), specificity=0.9, samples=8
)


def scored(items=()):
    draw = np.random.default_rng(0)
    labels = (draw.random((12, 2)) < 0.5).astype(np.float32)
    labels[0, 1] = np.nan
    patients = (*((f"p{n // 2}", True) for n in range(11)), ("case c11", False))
    return Scored(draw.normal(size=(12, 2)), labels, tuple(f"c{n}" for n in range(12)), patients, items)


def test_rows_of_studies_and_of_slices():
    studies, slices = scored(), scored(tuple(range(12)))
    rows = studies.rows(CALIBRATION, "study")
    columns = ("patient", "class", "logit", "probability", "label")
    assert tuple(rows[0]) == ("study", *columns)
    assert tuple(slices.rows(CALIBRATION, "case")[0]) == ("case", "slice", *columns)
    assert (rows[1]["label"], rows[4]["patient"], rows[-1]["patient"]) == (None, 2, None)
    assert rows[3]["probability"] == pytest.approx(1 / (1 + math.exp(-rows[3]["logit"] / 2)))
    assert [row["slice"] for row in slices.rows(CALIBRATION, "case")][-2:] == [11, 11]


def test_an_outcome_names_what_was_measured():
    held_out = scored()
    studies = outcome_of(held_out, "test", CALIBRATION, {"test": held_out.labels_SC}, ["a note"])
    pictures = outcome_of(held_out, "val", CALIBRATION, {"val": held_out.labels_SC}, unit="pictures")
    assert set(studies.measured) == {"AUROC, any", "AUROC, sub", "AUROC, mean"}
    assert set(pictures.measured) == {"AUROC of pictures, any", "AUROC of pictures, sub", "AUROC of pictures, mean"}
    assert (studies.results["studies"], pictures.results["pictures"]) == (12, 12)
    assert studies.results["classes"]["any"]["threshold"] == 0.5
    assert pictures.tested_on.endswith("of the val split")
