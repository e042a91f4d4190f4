import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vesalius.metrics.subgroups import subgroups


def cohort(count=120):
    draw = np.random.default_rng(0)
    labels = (draw.random((count, 2)) < 0.5).astype(np.float32)
    scores = draw.normal(size=(count, 2)) + 1.5 * labels
    facts = [{"age": 10 * (n % 9), "sex": "FM"[n % 2], "view": ("PA", "AP")[n % 3 == 0]} for n in range(count)]
    owners = [(f"p{n // 2}", True) for n in range(count)]
    return scores, labels, owners, facts


def test_each_group_equals_scikit_learn_on_its_samples():
    scores, labels, owners, facts = cohort()
    rows = subgroups(scores, labels, owners, facts, ("a", "b"))
    json.dumps(rows, allow_nan=False)
    assert [row["group"] for row in rows if row["fact"] == "sex"] == ["F", "M"]
    assert [row["group"] for row in rows if row["fact"] == "age"][:2] == ["0 to 17", "18 to 39"]
    (women,) = [row for row in rows if row["group"] == "F"]
    inside = np.arange(0, 120, 2)
    assert women["samples"] == 60
    assert women["auroc"]["value"] == pytest.approx(roc_auc_score(labels[inside], scores[inside]))
    for c, name in enumerate("ab"):
        found = women["classes"][name]
        assert found["auroc"]["value"] == pytest.approx(roc_auc_score(labels[inside, c], scores[inside, c]))
        assert found["auroc"]["interval"][0] < found["auroc"]["value"] < found["auroc"]["interval"][1]
        assert found["positive"] == labels[inside, c].sum()
    for fact in ("age", "sex", "view"):
        assert sum(row["samples"] for row in rows if row["fact"] == fact) == 120


def test_what_is_too_small_or_has_one_label_is_said_and_not_measured():
    scores, labels, owners, facts = cohort(60)
    for n, table in enumerate(facts):
        table["view"] = "LATERAL" if n < 8 else "PA" if n < 40 else "AP"
    labels[40:] = 1
    rows = {row["group"]: row for row in subgroups(scores, labels, owners, facts, ("a", "b")) if row["fact"] == "view"}
    assert (rows["LATERAL"]["patients"], rows["LATERAL"]["not_measured"]) == (4, "fewer than 10 patients")
    assert rows["AP"]["not_measured"] == "no class has positives and negatives"
    assert rows["AP"]["auroc"] == {"value": None, "interval": None}
    assert rows["PA"]["not_measured"] is None


def test_unknown_facts_are_a_group_of_their_own_and_unknown_everywhere_is_none():
    scores, labels, owners, _ = cohort(60)
    bare = [{"sex": "F"} if n < 30 else {} for n in range(60)]
    assert [(row["fact"], row["group"]) for row in subgroups(scores, labels, owners, bare, ("a", "b"))] == [
        ("sex", "F"),
        ("sex", "unknown"),
    ]
    assert subgroups(scores, labels, owners, [{}] * 60, ("a", "b")) == []
