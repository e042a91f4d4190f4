import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.every import image
from vesalius.errors import ConfigError, UsageError
from vesalius.seeding import generator
from vesalius.transforms.crop import CenterCrop, CenterFit, CenterPad, RandomCrop

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(shapes, shapes, st.integers(0, 5))
def test_fitting_keeps_the_middle(shape, size, seed):
    x = np.random.default_rng(seed).random((2, *shape)) + 1
    done = CenterFit(size=size, fill=-1).apply(x)
    assert done.shape == (2, *size)
    for target in np.ndindex(*size):
        source = []
        for place, new, old in zip(target, size, shape, strict=True):
            source.append(place + (old - new) // 2 if old >= new else place - (new - old) // 2)
        inside = all(0 <= n < old for n, old in zip(source, shape, strict=True))
        expected = x[(slice(None), *source)] if inside else -1
        assert (done[(slice(None), *target)] == expected).all()
    whole = CenterPad(size=size).apply_mask(CenterCrop(size=size).apply_mask(x))
    np.testing.assert_array_equal(CenterFit(size=size, fill=-1).apply_mask(x), whole)


def test_random_crops_reach_every_place_alike():
    x = np.arange(7.0).reshape(1, 1, 7)
    crop = RandomCrop(size=(None, 3))
    firsts = [int(crop.apply(x, crop.draw(generator("crop", n)))[0, 0, 0]) for n in range(3000)]
    counts = np.bincount(firsts, minlength=5)
    assert len(counts) == 5
    assert counts / 3000 == pytest.approx(np.full(5, 0.2), abs=0.04)


def test_a_box_of_space_and_time():
    x = image("CTIJK")
    crop = RandomCrop(size=(2, 4, None, 1))
    params = crop.draw(generator(1))
    done = crop.apply(x, params)
    assert done.shape == (1, 2, 4, 8, 1)
    t, i, _, k = (int(share * room) for share, room in zip(params, (4, 5, 1, 3), strict=True))
    np.testing.assert_array_equal(done, x[:, t : t + 2, i : i + 4, :, k : k + 1])


def test_what_does_not_fit():
    with pytest.raises(UsageError, match=r"shape \(3, 14, 11\) is smaller than the crop \[20, 4\]; pad it first"):
        RandomCrop(size=(20, 4)).apply(image("CJI"), (0.0, 0.0))
    with pytest.raises(UsageError, match="does not fit an array CIJK"):
        CenterCrop(size=(2, 2)).apply(image("CIJK"))
    with pytest.raises(ConfigError, match="size"):
        CenterCrop.build(size=(0, 2))


def test_the_size_of_the_volume_contract():
    x = np.random.default_rng(0).random((1, 24, 24, 15)).astype("f4")
    done = CenterFit(size=(26, 26, 13)).apply(x)
    np.testing.assert_array_equal(done[:, 1:25, 1:25], x[..., 1:14])
    assert done.sum() == pytest.approx(x[..., 1:14].sum())
