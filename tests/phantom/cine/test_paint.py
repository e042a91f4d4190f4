import numpy as np
import pytest

from vesalius.phantom.cine.paint import BLOOD, FAT, Canvas, draw_waves, ellipse


def canvas(shape=(40, 3), edge=1.0):
    return Canvas(np.zeros(shape, np.float32), np.zeros(shape, np.float32), edge)


def test_half_of_a_voxel_at_the_border():
    inside = canvas().inside(np.array([-2.0, -0.25, 0.0, 0.25, 2.0]))
    assert inside == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_tissues_mix_by_cover():
    one = canvas()
    one.lay(np.ones((40, 3), np.float32), 0.4)
    one.lay(np.full((40, 3), 0.25, np.float32), 0.8, 0.2)
    assert one.water == pytest.approx(0.5)
    assert one.fat == pytest.approx(0.05)


def test_fat_beside_water_leaves_a_dark_line():
    one = canvas(edge=4.0)
    depth = (np.arange(40, dtype=np.float32) - 19.5)[:, None] * np.ones((1, 3), np.float32)
    one.lay(np.ones((40, 3), np.float32), fat=FAT)
    one.lay(one.inside(depth), BLOOD)
    shown = one.magnitude()[:, 0]
    assert shown[0] == pytest.approx(FAT)
    assert shown[-1] == pytest.approx(BLOOD)
    assert shown.min() < 0.25
    assert abs(int(shown.argmin()) - 20) <= 1


def test_depth_in_a_circle_is_exact_and_an_ellipse_ends_at_its_radii():
    assert ellipse(3.0, 4.0, (10.0, 10.0)) == pytest.approx(5)
    assert ellipse(12.0, 0.0, (12.0, 5.0)) == pytest.approx(0, abs=1e-6)
    assert ellipse(0.0, 12.0, (12.0, 5.0), np.pi / 2) == pytest.approx(0, abs=1e-6)


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
