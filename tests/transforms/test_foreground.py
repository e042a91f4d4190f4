import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.foreground import ForegroundCrop, LabelCrop
from vesalius.transforms.transform import Sample


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


def test_what_does_not_fit():
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
