import numpy as np

from vesalius.tasks.generate.config import CropConfig
from vesalius.tasks.generate.cuts import PLACES, Cuts, moves
from vesalius.transforms.transform import Chain, Sample, read_transform


def cuts(area=(1.0, 1.0), changes=(), classes=1):
    shares = (lambda mask: (mask == 1).astype(np.float32)) if classes else None
    return Cuts((8, 8), CropConfig(area=area), Chain(transforms=changes), shares, classes, "mask")


def sample(side=32):
    mask = np.zeros((1, side, side), np.int16)
    mask[:, : side // 2, : side // 4] = 1
    picture = np.repeat(mask, 3, 0).astype(np.float32)
    return Sample(picture, {"mask": mask})


def test_places_go_where_the_pixels_go():
    augment = cuts((0.3, 1.0), ({"name": "quarter_turn"}, {"name": "flip", "axes": "IJ"}))
    for seed in range(10):
        changed = augment.apply_to(sample(), augment.draw(np.random.default_rng(seed)))
        assert changed.image.shape == (3, 8, 8)
        np.testing.assert_allclose(changed.masks[PLACES][0], changed.image[0], atol=1e-6)


def test_a_border_within_a_pixel_is_a_share():
    changed = cuts().middle(sample(36))  # 4.5 pixels of 36 make one of 8: the border lies within a pixel
    values = np.unique(changed.masks[PLACES].round(3))
    assert values.min() == 0
    assert values.max() == 1
    assert len(values) > 2


def test_values_of_the_picture_change_alone():
    augment = cuts(changes=({"name": "scale_shift", "channels": 3, "factor": [2, 2], "offset": [0, 0]},))
    changed = augment.apply_to(sample(), augment.draw(np.random.default_rng(0)))
    np.testing.assert_allclose(changed.image[:1], 2 * changed.masks[PLACES], atol=1e-5)
    assert changed.masks[PLACES].max() == 1


def test_without_a_label_map_the_places_are_empty():
    picture = sample().image
    assert cuts().middle(Sample(picture)).masks[PLACES].shape == (1, 8, 8)
    assert not cuts().middle(Sample(picture)).masks[PLACES].any()
    assert cuts(classes=0).middle(Sample(picture)).masks == {}


def test_a_picture_of_another_aspect_is_cut_and_not_stretched():
    rows = np.repeat(np.arange(16, dtype=np.float32)[:, None], 40, 1)
    changed = cuts(classes=0).middle(Sample(np.stack([rows, rows.T[:16, :16].repeat(3, 1)[:, :40], rows])))
    assert changed.image.shape == (3, 8, 8)
    assert np.allclose(changed.image[0], changed.image[0][:, :1])  # rows stay rows


def test_what_moves_pixels():
    inner = read_transform({"name": "sometimes", "p": 0.5, "transform": {"name": "flip"}})
    assert moves(Chain(transforms=(inner,)))
    assert not moves(read_transform({"name": "grey_jitter"}))
