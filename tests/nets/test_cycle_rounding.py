import numpy as np

from vesalius.nets.cycle import QUALITIES
from vesalius.nets.cycle_prior import CellTokens, CyclePrior
from vesalius.nets.cycle_rounding import plain, thrifty


def test_thrifty_rounding_costs_less_than_plain():
    """Cost: squared error in steps + 0.12 x bits of the prior; no size grows, no sign changes."""
    draw, prior = np.random.default_rng(1), CyclePrior(40, QUALITIES, 16)
    busy = np.where(draw.random((2, 1, 5, 6)) < 0.2, 1.5, 0.25)  # a few cells hold most
    exact = draw.laplace(0, busy * np.exp(-np.arange(40) / 15)[:, None, None]).astype(np.float32)
    chosen, rounded = thrifty(exact, prior, 20), plain(exact, 0.5)

    def cost(tokens):
        tokens_GLM = tokens.reshape(2, 40, 30).transpose(0, 2, 1)
        return np.square(tokens - exact).sum() + 0.12 * prior.bits(CellTokens(tokens_GLM, (5, 6), 20))

    assert cost(chosen) < cost(plain(exact)) < cost(rounded)
    assert (np.abs(chosen) <= np.abs(rounded)).all()
    assert (chosen * exact >= 0).all()
    assert not thrifty(np.zeros((1, 4, 2, 2), np.float32), prior, 3).any()
    assert thrifty(np.zeros((0, 4, 2, 2), np.float32), prior, 3).shape == (0, 4, 2, 2)
