import numpy as np
import pytest

from vesalius.phantom.cine.waves import draw_waves


@pytest.fixture
def waves():
    return draw_waves(np.random.default_rng(3), 20.0, 12)


def test_the_sum_of_cosines_by_hand(waves):
    x, y, z = 3.5, -7.0, 11.0
    expected = sum(
        np.cos(vector @ [x, y, z] + phase) for vector, phase in zip(waves.vectors, waves.phases, strict=True)
    )
    assert waves(x, y, z) == pytest.approx(expected * np.sqrt(2 / 12), abs=1e-5)


def test_mean_and_spread_over_a_large_field(waves):
    places = np.linspace(-900, 900, 500)
    field = waves(places[:, None], places[None, :])
    assert field.shape == (500, 500)
    assert field.mean() == pytest.approx(0, abs=0.05)
    assert field.std() == pytest.approx(1, abs=0.08)
