import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.errors import ConfigError, UsageError
from vesalius.tasks.voco.geometry import BaseGrid, NeighbourCrops

STILL = {"flip": 0, "quarter_turn": 0, "shift_p": 0}


@settings(deadline=None, max_examples=60)
@given(
    grid=st.tuples(st.integers(1, 4), st.integers(2, 4), st.integers(1, 3)),
    crop=st.tuples(st.integers(2, 9), st.integers(2, 9), st.integers(2, 6)),
    seed=st.integers(0, 999),
    above=st.integers(0, 4),
)
def test_labels_sum_to_one_and_equal_analytic_overlaps(grid, crop, seed, above):
    """By volume on a grid in space; by area on one layer, wherever the random crop lies along k."""
    by_volume = grid[2] > 1 or above == 0
    geometry = BaseGrid(grid=grid, crop=crop, overlap="volume" if by_volume else "area", random=3, changes=STILL)
    i, j, k = geometry.volume
    shape = (i, j, k if by_volume else k + above)
    geometry.check(shape)
    drawn = geometry.draw(np.random.default_rng(seed), shape)
    labels_RK = drawn["labels"]
    np.testing.assert_allclose(labels_RK.sum(1), 1, atol=1e-5)
    assert (labels_RK > 0).sum(1).max() <= (8 if by_volume else 4)
    axes = 3 if by_volume else 2
    for r, random in enumerate(drawn["first"][:3]):
        assert all(0 <= first <= side - size for first, side, size in zip(random, shape, crop, strict=True))
        for n, base in enumerate(drawn["first"][3:]):
            common = [max(0, min(random[a], base[a]) + crop[a] - max(random[a], base[a])) for a in range(axes)]
            assert labels_RK[r, n] == pytest.approx(np.prod(common) / np.prod(crop[:axes]), abs=1e-6)


def test_the_published_geometries():
    first = BaseGrid()
    assert (first.volume, first.count) == ((384, 384, 96), 16)
    second = BaseGrid(grid=(3, 3, 1), crop=(64, 64, 64))
    assert (second.volume, second.count, second.seen) == ((192, 192, 64), 9, (64, 64, 64))
    assert second.base((192, 192, 64))[:4] == [[0, 0, 0], [0, 64, 0], [0, 128, 0], [64, 0, 0]]
    assert second.base((192, 192, 100))[0] == [0, 0, 18]


def test_what_does_not_fit_is_refused():
    for keys in (
        {"grid": (1, 1, 1)},
        {"grid": (2, 2, 2)},
        {"crop": (96, 64, 64), "resized": (64, 64, 64)},
        {"resized": (64, 32, 32)},
    ):
        with pytest.raises(ConfigError):
            BaseGrid(**keys)
    with pytest.raises(UsageError, match=r"the grid covers 384 x 384 x 96 voxels, the volume has 380 x 384 x 96; end"):
        BaseGrid().check((380, 384, 96))
    with pytest.raises(UsageError, match="does not fit"):
        NeighbourCrops().check((64, 64, 16))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999))
def test_neighbours_overlap_as_much_as_asked(seed):
    """In a volume with room, within the rounding to voxels; at its border never less, but for rounding."""
    geometry = NeighbourCrops(crop=(32, 32, 16))
    drawn = geometry.draw(np.random.default_rng(seed), (96, 96, 48))
    assert drawn["first"].shape == (5, 3)
    assert (drawn["first"] >= 0).all()
    assert (drawn["first"] <= (64, 64, 32)).all()
    main, rest = drawn["first"][0], drawn["first"][1:]
    for label, first in zip(drawn["labels"], rest, strict=True):
        common = np.clip(np.array(geometry.crop) - abs(first - main), 0, None)
        assert label == pytest.approx(common.prod() / np.prod(geometry.crop), abs=1e-6)
        assert label > 0.25 - 0.04
