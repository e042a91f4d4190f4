"""Cutting examples out of scans."""

import numpy as np
import pytest

from vesalius.codec.still import decoded_mean
from vesalius.errors import UsageError
from vesalius.tasks.tokenize.examples import MEAN, ExampleConfig, Examples
from vesalius.tasks.tokenize.still import Still
from vesalius.transforms.transform import Chain, Sample

SHAPE = (1, 6, 12, 10, 4)
BOX = {
    "labels_i_from": 3 / 12, "labels_i_to": 9 / 12, "labels_j_from": 2 / 10, "labels_j_to": 6 / 10,
    "labels_k_from": 1 / 4, "labels_k_to": 3 / 4,
}  # fmt: skip


@pytest.fixture
def scan():
    """x_CTIJK whose values say where they come from: t, i, j, k as digits after the point."""
    _, t, i, j, k = np.indices(SHAPE)
    return ((t * 1000 + i * 60 + j * 5 + k) / 6000).astype(np.float32)


def test_a_slice_over_its_cycle_has_rows_and_columns(scan):
    examples = ExampleConfig().of_scan(scan, {})
    assert len(examples) == 4
    for k, x_KTJI in enumerate(examples):
        assert x_KTJI.shape == (1, 6, 10, 12)
        assert np.array_equal(x_KTJI[0], scan[0, ..., k].transpose(0, 2, 1))


def test_around_the_labels(scan):
    examples = ExampleConfig(size=(4, 6), about_labels=1).of_scan(scan, BOX)
    assert len(examples) == 2  # slices 1 and 2
    for k, x_KTJI in zip((1, 2), examples, strict=True):
        assert np.array_equal(x_KTJI[0], scan[0, :, 3:9, 2:6, k].transpose(0, 2, 1))


def test_a_window_that_is_larger_than_the_scan_is_padded_about_its_middle(scan):
    (x_KTJI, *_) = ExampleConfig(size=(14, 12)).of_scan(scan, {})
    assert np.array_equal(x_KTJI[0, :, 2:12], scan[0, ..., 0].transpose(0, 2, 1))
    assert not x_KTJI[0, :, :2].any()
    assert not x_KTJI[0, :, 12:].any()


def test_frames_and_studies(scan):
    frames = ExampleConfig(span="frame").of_scan(scan, {})
    assert [x.shape for x in frames] == [(1, 1, 10, 12)] * 4
    assert np.array_equal(frames[3][0, 0], scan[0, 2, ..., 3].T)
    (study,) = ExampleConfig(span="study", slices=2, frames=3).of_scan(scan, {})
    assert study.shape == (2, 3, 10, 12)
    assert np.allclose(study[:, 1], scan[0, 2][..., [0, 3]].transpose(2, 1, 0))  # a third of the cycle


def test_random_examples_are_equal_for_equal_draws_and_lie_in_the_scan(scan):
    config = ExampleConfig(size=(4, 6), about_labels=0.5, frames=5)
    examples = Examples(config, Chain(transforms=()))
    values = set(scan[0, 0].ravel().tolist())
    middles = set()
    for seed in range(30):
        params = examples.draw(np.random.default_rng(seed))
        first = examples.apply_to(Sample(scan, {}, BOX), params).image
        assert np.array_equal(first, examples.apply_to(Sample(scan, {}, BOX), params).image)
        assert first.shape == (1, 5, 4, 6)
        assert set(first[0, 0].ravel().tolist()) <= values
        middles.add(float(first[0, 0, 2, 3]))
    assert len(middles) > 8


def test_the_margin_is_cut_off_after_the_changes(scan):
    """A shift by the margin brings in what lay outside the window, not an edge."""
    shift = Chain(transforms=({"name": "affine", "degrees": 0, "shift": 0},))
    plain = ExampleConfig(size=(4, 6), about_labels=1)
    wide = ExampleConfig(size=(4, 6), about_labels=1, margin=2)
    one_voxel = (((0.0,), 1.0, (1 / 10, 0.0)),)  # of 6 + 2 * 2 voxels along I
    drawn = ((0.0, 0.0, 0.0, 0.0, 0.0), one_voxel, None)
    moved = Examples(wide, shift).apply_to(Sample(scan, {}, BOX), drawn).image
    still = Examples(plain).apply_to(Sample(scan, {}, BOX), (drawn[0], (), None)).image
    expected = scan[0, :, 2:8, 2:6, 1].transpose(0, 2, 1)
    assert np.allclose(moved[0], expected, atol=1e-5)
    assert not np.allclose(still[0], expected, atol=1e-5)


def test_the_mean_is_decoded_from_bytes(scan):
    still = Still(qualities=(20, 63))
    examples = Examples(ExampleConfig(), Chain(transforms=()), still)
    params = examples.draw(np.random.default_rng(1))
    sample = examples.apply_to(Sample(scan, {}, {}), params)
    mean_KJI = sample.masks[MEAN]
    assert mean_KJI.shape == (1, 10, 12)
    assert params[2] in still.qualities
    assert np.array_equal(mean_KJI, decoded_mean(sample.image.mean(1), params[2]))


def test_several_channels_are_refused(scan):
    with pytest.raises(UsageError, match="2 channels"):
        ExampleConfig().of_scan(np.concatenate([scan, scan]), {})
