import math

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from vesalius.metrics.classify import auroc
from vesalius.metrics.embedding import alignment, effective_rank, neighbour_auroc, probe_auroc, spread, uniformity


@pytest.fixture
def two_clusters():
    """Vectors whose first number says the label; the second label is unknown everywhere."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 80).astype(float)
    vectors = draw.normal(0, 1, (80, 6))
    vectors[:, 0] += 3 * labels
    return vectors, np.stack([labels, np.full(80, np.nan)], 1)


def test_spread_of_a_sphere_and_of_one_vector():
    draw = np.random.default_rng(0)
    assert spread(draw.normal(size=(5000, 64))) == pytest.approx(1, abs=0.01)
    assert math.isnan(spread([[1.0, 0.0]]))
    assert spread(np.ones((9, 64)) * draw.uniform(1, 2, (9, 1))) == pytest.approx(0, abs=1e-9)


def test_effective_rank_from_the_definition():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(50, 3)) @ draw.normal(size=(3, 8))
    values = np.sqrt(np.clip(np.linalg.eigvalsh(x.T @ x), 0, None))
    shares = [value / values.sum() for value in values if value > 1e-6]
    assert effective_rank(x) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)), rel=1e-4)
    assert 2 < effective_rank(x) <= 3
    assert effective_rank(np.zeros((4, 3))) == 1


def test_alignment_and_uniformity_slowly():
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 30, 5))
    unit = [[row / math.sqrt(sum(row**2)) for row in x] for x in (a, b)]
    assert alignment(a, b) == pytest.approx(np.mean([sum((u - v) ** 2) for u, v in zip(*unit, strict=True)]))
    pairs = [sum((u - v) ** 2) for i, u in enumerate(unit[0]) for j, v in enumerate(unit[0]) if i != j]
    assert uniformity(a) == pytest.approx(math.log(np.mean(np.exp(-2 * np.array(pairs)))))
    assert uniformity(np.ones((4, 3))) == pytest.approx(0)
    assert math.isnan(uniformity([[1.0, 2.0]]))


def test_uniformity_in_blocks(monkeypatch):
    x = np.random.default_rng(0).normal(size=(30, 5))
    whole = uniformity(x)
    monkeypatch.setattr("vesalius.metrics.embedding._ROWS", 7)
    assert uniformity(x) == pytest.approx(whole)


def test_neighbours_vote_as_those_of_scikit_learn(two_clusters):
    vectors, labels = two_clusters
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    score = neighbour_auroc(vectors[:60], labels[:60], vectors[60:], labels[60:], neighbours=5, temperature=0.1)
    voting = KNeighborsClassifier(5, weights=lambda distance: np.exp((1 - distance**2 / 2) / 0.1))
    expected = voting.fit(unit[:60], labels[:60, 0]).predict_proba(unit[60:])[:, 1]
    assert score == pytest.approx(auroc(expected, labels[60:, 0]))
    assert score > 0.8


def test_unknown_labels_have_no_vote(two_clusters):
    vectors, labels = two_clusters
    hidden = labels[:60].copy()
    hidden[::2, 0] = np.nan
    known = hidden[1::2]
    for measure in (neighbour_auroc, probe_auroc):
        whole = measure(vectors[:60], hidden, vectors[60:], labels[60:])
        assert whole == pytest.approx(measure(vectors[1:60:2], known, vectors[60:], labels[60:]))


def test_a_probe_finds_what_is_linear_and_nothing_in_noise(two_clusters):
    vectors, labels = two_clusters
    assert probe_auroc(vectors[:60], labels[:60], vectors[60:], labels[60:]) > 0.9
    noise = np.random.default_rng(1).normal(size=vectors.shape)
    assert probe_auroc(noise[:60], labels[:60], noise[60:], labels[60:]) < 0.8


def test_what_cannot_be_judged_is_nan(two_clusters):
    vectors, labels = two_clusters
    nothing = np.full_like(labels, np.nan)
    assert math.isnan(probe_auroc(vectors, labels, vectors, nothing))
    assert math.isnan(neighbour_auroc(vectors, labels, vectors, np.full_like(labels, 0.5)))
    assert math.isnan(neighbour_auroc(vectors, labels[:, :0], vectors, labels[:, :0]))
    assert neighbour_auroc(vectors, nothing, vectors, labels) == 0.5
