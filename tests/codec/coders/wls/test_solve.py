import numpy as np
import pytest

from vesalius.codec.coders.wls.solve import class_weights, solve, squared_errors

REFERENCE = 3


def packed(gram):
    """The rows of pairs that gram.py writes."""
    size = -(-len(gram) // 8) * 8
    full = np.zeros((size, size))
    full[: len(gram), : len(gram)] = gram
    return np.concatenate([full[f, f // 8 * 8 :] for f in range(size)])


def samples(count, features, seed=0):
    """Values of neighbours and, last, of the pixel; then the features that gram.py makes of them."""
    rng = np.random.default_rng(seed)
    values = rng.normal(300, 40, (count, 1)) + rng.normal(0, 15, (count, features))
    values[:, -1] = values[:, :-1] @ rng.dirichlet(np.ones(features - 1)) + rng.normal(0, 2, count)
    made = values - values[:, [REFERENCE]]
    made[:, REFERENCE] = values[:, REFERENCE]
    return values, made


@pytest.mark.parametrize("features", [6, 8, 9, 80])
@pytest.mark.parametrize("ridge", [1e-4, 3.0])
def test_weights_as_a_library_solves_for_them(features, ridge):
    _, made = samples(500, features)
    gram = made.T @ made
    count = features - 1
    toward = np.random.default_rng(2).normal(0, 0.3, count)
    weights = np.empty(count)
    solve(packed(gram), REFERENCE, ridge, toward, weights)
    start = toward.copy()
    start[REFERENCE] = toward.sum() - 1
    matrix, right = gram[:-1, :-1], gram[:-1, -1]
    whole = np.diag(ridge * np.diag(matrix) + 1e-6 * np.diag(matrix).max() + 1e-9)
    expected = start + np.linalg.solve(matrix + whole, right - matrix @ start)
    expected[REFERENCE] += 1 - np.delete(expected, REFERENCE).sum()
    np.testing.assert_allclose(weights, expected, atol=1e-8)


def test_a_matrix_that_rounding_made_indefinite_still_gives_weights():
    gram = np.full((9, 9), 1e9)
    gram[np.arange(9), np.arange(9)] -= 1e6
    weights = np.empty(8)
    solve(packed(gram), REFERENCE, 1e-4, np.full(8, 0.125), weights)
    assert np.isfinite(weights).all()


def test_nothing_known_gives_the_weights_drawn_to():
    weights, toward = np.empty(10), np.linspace(0, 0.2, 10)
    solve(packed(np.zeros((11, 11))), REFERENCE, 1e-4, toward, weights)
    np.testing.assert_allclose(weights, toward, atol=1e-12)


def test_classes_are_solved_from_the_sums_of_their_blocks():
    grams = np.stack([packed(made.T @ made) for made in (samples(60, 12, seed)[1] for seed in range(5))])
    toward, both, alone = np.full(11, 1 / 11), np.empty((2, 11)), np.empty(11)
    class_weights(grams.astype(np.float32), np.array([0, 1, 1, 0, 1]), REFERENCE, 1e-4, toward, both)
    for k, blocks in enumerate(([0, 3], [1, 2, 4])):
        solve(grams.astype(np.float32)[blocks].astype(float).sum(axis=0), REFERENCE, 1e-4, toward, alone)
        np.testing.assert_allclose(both[k], alone, rtol=1e-9)


@pytest.mark.parametrize("features", [5, 8, 17])
def test_squared_errors_are_those_of_the_predictions(features):
    rng = np.random.default_rng(4)
    weights_KW = rng.dirichlet(np.ones(features - 1), 3) + rng.normal(0, 0.05, (3, features - 1))
    blocks = [samples(70, features, seed) for seed in range(4)]
    grams_BP = np.stack([packed(made.T @ made) for _, made in blocks]).astype(np.float32)
    errors_BK = np.empty((4, 3), np.float32)
    squared_errors(grams_BP, weights_KW, REFERENCE, errors_BK)
    for b, (values, _) in enumerate(blocks):
        expected = ((values[:, :-1] @ weights_KW.T - values[:, -1:]) ** 2).sum(axis=0)
        np.testing.assert_allclose(errors_BK[b], expected, rtol=2e-4)
