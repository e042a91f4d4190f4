import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from tasks.detect.tiny import random_studies
from vesalius.metrics.findings import measured, prevalences, reliability_points
from vesalius.metrics.operating import OperatingPoint, choose

CLASSES = ("any", "sub")
POINT = OperatingPoint((2.0, 2.0), (0.5, np.nan), 0.9, 50)


def some(count=40):
    studies = random_studies(count, patients=tuple(f"p{n // 2}" for n in range(count)))
    return studies, studies.vectors.rows_ND[:, :2].astype(np.float64)


def test_equals_scikit_learn():
    studies, logits = some()
    found = measured(logits, studies.labels_SC, studies.owners, CLASSES, POINT)
    labels, p = studies.labels_SC, 1 / (1 + np.exp(-logits / 2))
    for c, name in enumerate(CLASSES):
        one = found["classes"][name]
        assert one["auroc"]["value"] == pytest.approx(roc_auc_score(labels[:, c], logits[:, c]))
        assert one["auprc"]["value"] == pytest.approx(average_precision_score(labels[:, c], logits[:, c]))
        assert one["auroc"]["interval"][0] < one["auroc"]["value"] < one["auroc"]["interval"][1]
        assert one["prevalence"] == pytest.approx(labels[:, c].mean())
    assert found["auroc"]["value"] == pytest.approx(roc_auc_score(labels, logits))
    losses = [log_loss(labels[:, c], p[:, c]) for c in range(2)]
    assert found["log_loss"]["value"] == pytest.approx((2 * losses[0] + losses[1]) / 3, rel=1e-6)
    called = p[:, 0] >= 0.5
    assert found["classes"]["any"]["sensitivity"] == pytest.approx(called[labels[:, 0] == 1].mean())
    assert found["classes"]["any"]["specificity"] == pytest.approx(1 - called[labels[:, 0] == 0].mean())
    assert found["classes"]["sub"]["threshold"] is None
    assert (found["studies"], found["patients"]) == (40, 20)
    assert found["intervals"] == "by patient"
    json.dumps(found, allow_nan=False)


def test_studies_stand_for_patients_that_nobody_names():
    """The same draws, but no number of patients and another label."""
    studies, logits = some(30)
    known = measured(logits, studies.labels_SC, studies.owners, CLASSES, POINT)
    unknown = measured(logits, studies.labels_SC, [(name, False) for name, _ in studies.owners], CLASSES, POINT)
    assert unknown["auroc"] == known["auroc"]
    assert (known["patients"], unknown["patients"]) == (15, None)
    assert unknown["intervals"] == "by study (patients unknown)"
    some_known = [(name, n % 3 == 0) for n, (name, _) in enumerate(studies.owners)]
    mixed = measured(logits, studies.labels_SC, some_known, CLASSES, POINT)
    unnamed = {name for name, is_patient in some_known if not is_patient}
    named = {name for name, is_patient in some_known if is_patient}
    assert mixed["patients"] == len(named)
    assert mixed["intervals"].startswith(f"by patient, {len(unnamed)} of {len(unnamed) + len(named)} by study")


def test_test_labels_cannot_change_what_was_chosen():
    val, val_logits = some()
    point = choose(val_logits, val.labels_SC)
    test, logits = some(30)
    first = measured(logits, test.labels_SC, test.owners, CLASSES, point)
    test.labels_SC[:] = 1 - test.labels_SC
    second = measured(logits, test.labels_SC, test.owners, CLASSES, point)
    for name in CLASSES:
        for key in ("threshold", "temperature"):
            assert first["classes"][name][key] == second["classes"][name][key]
        assert first["classes"][name]["auroc"] != second["classes"][name]["auroc"]


def test_few_patients_have_no_interval_and_unknown_labels_no_value():
    studies, logits = some(8)
    studies.labels_SC[:, 1] = np.nan
    found = measured(logits, studies.labels_SC, studies.owners, CLASSES, POINT)
    assert found["auroc"]["interval"] is None
    assert found["classes"]["sub"]["auroc"] == {"value": None, "interval": None}
    counts = prevalences({"val": studies.labels_SC, "test": random_studies(0 + 1).labels_SC}, CLASSES)
    assert counts["val"]["sub"] == {"positive": 0, "negative": 0, "unknown": 8}


def test_reliability_points_by_hand():
    p, labels = np.array([[0.01], [0.03], [0.95]]), np.array([[0], [1], [1]], np.float32)
    points = reliability_points(p, labels, ("any",))["any"]
    np.testing.assert_allclose(points, [(0.02, 0.5), (0.95, 1.0)])
