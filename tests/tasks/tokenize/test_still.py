import numpy as np

from vesalius.tasks.tokenize.still import Still


def test_draws_all_qualities():
    still = Still(qualities=(40, 50, 60))
    assert {still.draw(np.random.default_rng(seed)) for seed in range(30)} == {40, 50, 60}
