import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.every import image
from vesalius.errors import ConfigError, UsageError
from vesalius.seeding import generator
from vesalius.transforms.crop import CenterCrop, CenterFit, CenterPad, CutOut, ForegroundCrop, LabelCrop, RandomCrop
from vesalius.transforms.transform import Sample

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


@given(st.integers(0, 1000), st.integers(0, 2))
def test_the_box_holds_all_and_no_more(seed, margin):
    random = np.random.default_rng(seed)
    x = np.where(random.random((2, 7, 8, 6)) > 0.97, 1.0, -1.0)
    x[0, 3, 3, 3] = 2.0
    mask = np.arange(x[0].size).reshape(1, 7, 8, 6)
    done = ForegroundCrop(above=0, margin=margin).apply_to(Sample(x, {"organ": mask}))
    inside = np.argwhere((x > 0).any(axis=0))
    low = np.maximum(inside.min(axis=0) - margin, 0)
    high = np.minimum(inside.max(axis=0) + 1 + margin, x.shape[1:])
    expected = (slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))
    np.testing.assert_array_equal(done.image, x[expected])
    np.testing.assert_array_equal(done.masks["organ"], mask[expected])
    np.testing.assert_array_equal(ForegroundCrop(above=0, margin=margin).apply(x), x[expected])


def test_frames_are_kept():
    x = np.zeros((1, 4, 6, 6, 2))
    x[0, 1, 2:4, 3, 1] = 1
    assert ForegroundCrop().apply(x).shape == (1, 4, 2, 1, 1)
    assert ForegroundCrop().apply(-x).shape == (1, 4, 2, 1, 1)


def test_an_empty_image_is_told():
    with pytest.raises(UsageError, match="no foreground; choose a lower value"):
        ForegroundCrop(above=5).apply(np.zeros((1, 2, 2)))
    with pytest.raises(UsageError, match="crop the whole sample"):
        ForegroundCrop().apply_mask(np.zeros((1, 2, 2)))


def test_label_crops_hold_their_voxel():
    mask = np.zeros((1, 12, 10, 8), "i2")
    for place in ((0, 0, 0, 0), (0, 11, 9, 7), (0, 5, 5, 5)):
        mask[place] = 1
    x = np.arange(mask.size, dtype="f4").reshape(mask.shape)
    crop = LabelCrop(size=(4, 3, 5), mask="organ")
    seen = set()
    for n in range(60):
        done = crop.apply_to(Sample(x, {"organ": mask}), crop.draw(generator("label", n)))
        assert done.image.shape == (1, 4, 3, 5)
        assert done.masks["organ"].sum() >= 1
        np.testing.assert_array_equal(mask.ravel()[done.image.astype(int).ravel()], done.masks["organ"].ravel())
        seen.add(int(done.image.flat[0]))
    assert len(seen) == 3


def test_without_labels_the_box_lies_anywhere():
    x = np.arange(100, dtype="f4").reshape(1, 10, 10)
    crop = LabelCrop(size=(9, 9), mask="organ")
    empty = Sample(x, {"organ": np.zeros((1, 10, 10), "i2")})
    firsts = {int(crop.apply_to(empty, crop.draw(generator("any", n))).image.flat[0]) for n in range(50)}
    assert firsts == {0, 1, 10, 11}


def test_samples_that_do_not_fit():
    crop = LabelCrop(size=(9, 9), mask="organ")
    params = crop.draw(generator(0))
    with pytest.raises(UsageError, match="no mask 'organ'; it has: none"):
        crop.apply_to(Sample(np.zeros((1, 10, 10))), params)
    with pytest.raises(UsageError, match="smaller than the crop"):
        crop.apply_to(Sample(np.zeros((1, 5, 5)), {"organ": np.zeros((1, 5, 5))}), params)
    for call in (crop.apply, crop.apply_mask):
        with pytest.raises(UsageError, match="crop the whole sample"):
            call(np.zeros((1, 5, 5)), params)


def test_a_share_of_the_boxes_lies_about_a_label():
    mask = np.zeros((1, 40, 40), "i2")
    mask[0, 3, 3] = 1
    crop = LabelCrop(size=(4, 4), mask="organ", share=0.5)
    sample = Sample(np.zeros((1, 40, 40), "f4"), {"organ": mask})
    held = [crop.apply_to(sample, crop.draw(generator("share", n))).masks["organ"].any() for n in range(300)]
    assert 0.42 < np.mean(held) < 0.62


def test_what_lies_outside_a_cut_out_is_zero():
    x = np.ones((2, 10, 20, 3), "f4")
    done = CutOut().apply(x, ((0.5, 0.7), (0.13, -0.5)))
    expected = np.zeros_like(x)
    expected[:, 4:9, 0:14] = 1  # the second box would begin before its axis
    np.testing.assert_array_equal(done, expected)
    with pytest.raises(ConfigError, match="keep"):
        CutOut.build(keep=(0.0, 1.0))
