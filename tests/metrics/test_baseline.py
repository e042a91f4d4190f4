import json

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score

from vesalius.errors import ConfigError
from vesalius.metrics.baseline import Baseline, compared, fit, varies


def facts_and_labels(count=200, seed=0):
    draw = np.random.default_rng(seed)
    facts = [{"view": str(draw.choice(["AP", "PA"])), "age": float(draw.integers(1, 90))} for _ in range(count)]
    odds = [2.0 * (table["view"] == "AP") + 0.03 * table["age"] - 2 for table in facts]
    labels = (draw.random(count) < 1 / (1 + np.exp(-np.array(odds)))).astype(np.float32)
    return facts, np.stack([labels, 1 - labels], 1)


def test_is_the_logistic_regression_of_scikit_learn_on_scaled_columns():
    facts, labels = facts_and_labels()
    baseline = fit("view and age", ("view", "age"), facts, labels)
    ages = np.array([table["age"] for table in facts])
    columns = np.stack(
        [
            [table["view"] == "AP" for table in facts],
            [table["view"] == "PA" for table in facts],
            (ages - ages.mean()) / ages.std(),
        ],
        1,
    )
    expected = LogisticRegression(max_iter=2000).fit(columns, labels[:, 0]).decision_function(columns)
    np.testing.assert_allclose(baseline.scores(facts)[:, 0], expected, atol=1e-3)
    assert Baseline.parse(json.loads(baseline.model_dump_json())) == baseline


def test_unknown_facts_stand_in_the_middle_and_unknown_labels_are_left_out():
    facts, labels = facts_and_labels()
    baseline = fit("age", ("age",), facts, labels)
    mean = float(np.mean([table["age"] for table in facts]))
    np.testing.assert_allclose(baseline.scores([{}]), baseline.scores([{"age": mean}]))
    odd = labels.copy()
    odd[:50, 0] = np.nan
    of_odd = fit("age", ("age",), facts, odd)
    ages = np.array([[table["age"]] for table in facts])
    scaled = (ages - ages.mean()) / ages.std()
    slow = LogisticRegression(max_iter=2000).fit(scaled[50:], labels[50:, 0])
    assert of_odd.weights[0] == pytest.approx(slow.coef_[0].tolist(), rel=1e-4)
    assert of_odd.weights[1] == baseline.weights[1]
    alike = fit("age", ("age",), facts, np.zeros_like(labels))
    assert not alike.scores(facts).any()
    assert varies("age", facts)
    assert not varies("sex", facts)


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_that_exclude_each_other_are_called_as_scikit_learn_calls_them(classes):
    draw = np.random.default_rng(1)
    true = draw.integers(0, classes, 150)
    facts = [{"area": float(value), "mean": float(draw.normal())} for value in draw.normal(3.0 * true)]
    labels = np.zeros((150, classes + 1))  # the last class has no case
    labels[np.arange(150), true] = 1
    baseline = fit("size", ("area", "mean"), facts, labels, "softmax")
    columns = np.array([[table["area"], table["mean"]] for table in facts])
    columns = (columns - columns.mean(0)) / columns.std(0)
    expected = LogisticRegression(max_iter=2000).fit(columns, true).predict(columns)
    np.testing.assert_array_equal(baseline.scores(facts).argmax(1), expected)


def test_the_model_minus_the_baseline_on_the_same_draws():
    facts, labels = facts_and_labels()
    baseline = fit("view", ("view",), facts, labels).scores(facts)
    owners = [(f"p{n // 2}", True) for n in range(len(facts))]
    same = compared(baseline, baseline, labels, owners)
    assert same["auroc"]["value"] == pytest.approx(roc_auc_score(labels, baseline))
    assert same["auroc_difference"] == {"value": 0.0, "interval": [0.0, 0.0]}
    better = baseline + 3 * labels
    found = compared(better, baseline, labels, owners, "softmax")
    gain = roc_auc_score(labels, better) - roc_auc_score(labels, softmax(baseline, axis=1))
    assert found["auroc_difference"]["value"] == pytest.approx(gain)
    assert found["auroc_difference"]["interval"][0] > 0
    f1 = f1_score(labels.argmax(1), baseline.argmax(1), average="macro")
    assert found["macro_f1"]["value"] == pytest.approx(f1)


def test_classes_that_exclude_each_other_are_ranked_by_their_probability():
    draw = np.random.default_rng(2)
    logits, labels = draw.normal(0, 2, (90, 3)), np.eye(3, dtype=np.float32)[draw.integers(0, 3, 90)]
    found = compared(logits, logits + labels, labels, [(f"p{n}", True) for n in range(90)], "softmax")
    by_probability = roc_auc_score(labels, softmax(logits + labels, axis=1))
    assert found["auroc"]["value"] == pytest.approx(by_probability)
    assert abs(by_probability - roc_auc_score(labels, logits + labels)) > 0.01


def test_weights_that_do_not_fit_the_features_are_refused():
    with pytest.raises(ConfigError, match="1 rows of weights for 2 classes"):
        Baseline.build(name="view", features=({"name": "age"},), weights=((1.0,),), bias=(0.0, 0.0))
    with pytest.raises(ConfigError, match="not finite"):
        Baseline.build(name="view", features=({"name": "age"},), weights=((1e999,),), bias=(0.0,))
