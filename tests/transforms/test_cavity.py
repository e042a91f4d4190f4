import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.cavity import Cavity
from vesalius.transforms.transform import Sample


def ring(radius=14.0, wall=6.0, size=80, middle=(38.0, 43.0)):
    """A chamber (3) in a wall (2), bright in the dark; another slice without any."""
    i, j = np.mgrid[:size, :size]
    away = np.hypot(i - middle[0], j - middle[1])
    mask = np.where(away < radius, 3, np.where(away < radius + wall, 2, 0)).astype("i2")
    image = np.where(mask == 3, 1.0, np.where(mask == 2, 0.3, 0.1)).astype("f4")
    stack = [np.stack([x, np.zeros_like(x)], -1)[None] for x in (image, mask)]
    return Sample(stack[0], {"mask": stack[1]})


@pytest.mark.parametrize("factor", [0.4, 0.75, 1.2])
def test_the_chamber_changes_by_the_factor_and_its_wall_makes_room(factor):
    given = ring()
    done = Cavity(label=3).apply_to(given, factor)
    mask = done.masks["mask"][0]
    assert np.sqrt((mask == 3).sum() / np.pi) == pytest.approx(factor * 14, abs=0.5)
    i, j = np.mgrid[:80, :80]
    away = np.hypot(i - 38.0, j - 43.0)
    reach2, old, outer = (2.5 * 14) ** 2, 14.0**2, 20.0**2
    expected = np.sqrt((factor * 14) ** 2 + (outer - old) / (reach2 - old) * (reach2 - (factor * 14) ** 2))
    assert np.sqrt((mask >= 2).sum() / np.pi) == pytest.approx(expected, rel=0.02)
    np.testing.assert_array_equal(done.image[0, ..., 0][away > 36], given.image[0, ..., 0][away > 36])
    clear = (np.abs(away - factor * 14) > 3) & (np.abs(away - expected) > 2)  # one pixel there is several here
    values = np.array([0.1, np.nan, 0.3, 1.0])
    np.testing.assert_allclose(done.image[0, ..., 0][clear], values[mask[..., 0]][clear], atol=1e-3)


def test_a_slice_without_the_chamber_stays():
    done = Cavity(label=3).apply_to(ring(), 0.5)
    assert not done.masks["mask"][..., 1].any()
    small = ring(radius=1.5)
    np.testing.assert_array_equal(Cavity(label=3).apply_to(small, 0.5).image, small.image)


def test_draws_are_even_on_a_log_scale():
    drawn = np.log([Cavity(label=3, scale=(0.5, 1.0)).draw(generator("cavity", n)) for n in range(300)])
    assert drawn.mean() == pytest.approx(np.log(0.5) / 2, abs=0.04)


def test_what_does_not_fit_is_one_line():
    cavity, given = Cavity(label=3), ring()
    with pytest.raises(UsageError, match="no mask 'mask'"):
        cavity.apply_to(Sample(given.image, {}), 0.5)
    with pytest.raises(UsageError, match="no room"):
        cavity.apply_to(given, 2.5)
    with pytest.raises(UsageError, match="no axis K"):
        cavity.apply_to(Sample(given.image[..., 0], {"mask": given.masks["mask"][..., 0]}), 0.5)
    with pytest.raises(UsageError, match="whole sample"):
        cavity.apply(given.image, 0.5)
