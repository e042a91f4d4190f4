import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from transforms.every import image
from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.resize import Frames, RandomResizedCrop, Resize, Tempo

RESAMPLING = {"linear": Image.Resampling.BILINEAR, "cubic": Image.Resampling.BICUBIC}
sides = st.integers(1, 40)


@given(sides, sides, sides, sides, st.sampled_from(["linear", "cubic"]))
def test_pictures_as_pillow_resizes_them(rows, columns, new_rows, new_columns, kernel):
    x = np.random.default_rng(0).random((2, rows, columns)).astype("f4")
    done = Resize(size=(new_rows, new_columns), kernel=kernel).apply(x)
    for channel, picture in zip(done, x, strict=True):
        expected = Image.fromarray(picture).resize((new_columns, new_rows), RESAMPLING[kernel])
        np.testing.assert_allclose(channel, np.asarray(expected), atol=2e-6)


def test_volumes_axis_by_axis():
    x = image("CIJK")
    done = Resize(size=(5, 12, None)).apply(x)
    flat = np.stack([Resize(size=(5, 12)).apply(x[..., k]) for k in range(6)], axis=-1)
    np.testing.assert_allclose(done, flat, atol=1e-6)
    columns = Resize(size=(None, None, 4)).apply(x).reshape(-1, 4)
    rows = Resize(size=(1, 4)).apply(x.reshape(1, -1, 6)[:, :1])
    np.testing.assert_allclose(columns[0], rows[0, 0], atol=1e-6)


def test_labels_stay_labels():
    mask = np.array([[[1, 5], [9, 3]]], "i2")
    np.testing.assert_array_equal(Resize(size=(4, 4)).apply_mask(mask)[0], np.kron(mask[0], np.ones((2, 2))))
    assert Resize(size=(1, 1)).apply_mask(mask).item() in (1, 3, 5, 9)


def test_whole_numbers_are_refused():
    with pytest.raises(UsageError, match="int16"):
        Resize(size=(4, 4)).apply(np.zeros((1, 2, 2), "i2"))


def test_boxes_have_the_area_and_aspect_asked():
    crop = RandomResizedCrop(size=(6, 6), area=(0.1, 0.5), aspect=(0.5, 2))
    # Two ramps: the resized box tells where it was.
    x = np.stack(np.meshgrid(np.arange(200.0), np.arange(160.0), indexing="ij"))
    areas, aspects, places = [], [], []
    for n in range(400):
        done = crop.apply(x, crop.draw(generator("box", n)))
        (top, bottom), (left, right) = done[0, [1, 4], 3], done[1, 3, [1, 4]]
        tall, wide = (bottom - top) * 2, (right - left) * 2
        areas.append(tall * wide / x[0].size)
        aspects.append(wide / tall)
        places.append((done[0, :, 3].mean() - tall / 2 + 0.5) / (200 - tall))
    assert (min(areas), max(areas)) == pytest.approx((0.1, 0.5), abs=0.02)
    assert np.mean(areas) == pytest.approx(0.3, abs=0.02)
    assert min(aspects) > 0.47
    assert max(aspects) < 2.1
    assert np.mean(np.log(aspects)) == pytest.approx(0, abs=0.08)
    assert np.mean(places) == pytest.approx(0.5, abs=0.05)


def test_a_box_that_never_fits_is_the_centered_square():
    crop = RandomResizedCrop(size=(4, 4), area=(1, 1), aspect=(1, 1))
    x = np.random.default_rng(0).random((1, 4, 10)).astype("f4")
    np.testing.assert_allclose(crop.apply(x, crop.draw(generator(0))), x[:, :, 3:7], atol=1e-6)
    mask = np.arange(40).reshape(1, 4, 10)
    np.testing.assert_array_equal(crop.apply_mask(mask, crop.draw(generator(0))), mask[:, :, 3:7])


def test_only_pictures():
    crop = RandomResizedCrop(size=(4, 4))
    with pytest.raises(UsageError, match="CIJK is not a picture"):
        crop.apply(image("CIJK"), crop.draw(generator(0)))


def beating(frames):
    phase = 2 * np.pi * np.arange(frames) / frames
    return (1 + np.cos(phase)).reshape(1, frames, 1, 1, 1)


@pytest.mark.parametrize("count", [8, 16, 30, 45])
def test_a_cycle_stays_a_cycle(count):
    done = Frames(count=count).apply(beating(30)).ravel()
    expected = np.interp(np.arange(count) * 30 / count, np.arange(31), np.append(beating(30).ravel(), 2.0))
    np.testing.assert_allclose(done, expected, atol=1e-12)
    assert np.abs(done - beating(count).ravel()).max() < 0.03


def test_open_ends_are_kept():
    x = np.arange(5.0).reshape(1, 5, 1, 1, 1)
    np.testing.assert_allclose(Frames(count=9, ends="open").apply(x).ravel(), np.arange(9) / 2)
    assert Frames(count=1, ends="open").apply(x).ravel() == [0]


def test_labels_take_the_nearest_frame():
    mask = np.arange(10).reshape(1, 10, 1, 1, 1)
    assert Frames(count=5).apply_mask(mask).ravel().tolist() == [0, 2, 4, 6, 8]
    assert Frames(count=20).apply_mask(mask).ravel().tolist()[:4] == [0, 1, 1, 2]
    assert Frames(count=20).apply_mask(mask).ravel()[-1] == 0  # past the middle of the last step: the first again


def test_the_rate_divides_the_frames():
    x, mask = beating(20), np.zeros((1, 20, 1, 1, 1), "i2")
    assert Tempo().apply(x, 0.8).shape[1] == Tempo().apply_mask(mask, 0.8).shape[1] == 25
    assert Tempo().apply(x, 1.25).shape[1] == 16
    np.testing.assert_allclose(Tempo().apply(x, 2.0), x[:, ::2])
    assert Tempo().apply(x, 1.0) is x
    drawn = [Tempo().draw(generator("tempo", n)) for n in range(200)]
    assert 0.8 <= min(drawn) < 0.82
    assert 1.18 < max(drawn) <= 1.2


def test_only_cines():
    with pytest.raises(UsageError, match="CIJK has no axis T"):
        Frames(count=3).apply(np.zeros((1, 2, 2, 2)))
