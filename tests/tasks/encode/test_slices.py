import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.detect.tiny import AFFINE, STEPS, head, prepare
from vesalius.errors import UsageError
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.transforms.prepare import Prepare


@given(st.integers(1, 200), st.integers(1, 9), st.integers(0, 40))
def test_chosen_slices(count, stride, most):
    chosen = SliceConfig(stride=stride, most=most).spread(np.arange(count))
    strided = list(range(0, count, stride))
    assert set(chosen.tolist()) <= set(strided)
    assert (np.diff(chosen) > 0).all()
    assert len(chosen) == (min(most, len(strided)) if most else len(strided))
    if 1 < len(chosen) < len(strided):  # evenly spread
        assert np.ptp(np.diff(chosen)) <= stride


def test_digests():
    changed = [{}, {"stride": 2}, {"most": 2}, {"least_body": 0.02}, {"body_above": 0.0}]
    assert len({SliceConfig(**one).digest() for one in changed}) == 5


def shares(*body):
    """Slices of 10 x 10 pixels, of which so many are soft tissue and the others air."""
    image = np.full((10, 10, len(body)), -1000.0, np.float32)
    for number, count in enumerate(body):
        image.reshape(100, -1)[:count, number] = 40.0
    return Slices.of(Scan.from_array(image, AFFINE), prepare())


def test_slices_beside_the_body_are_left_out():
    slices = shares(0, 1, 2, 60, 90, 70, 3, 0)
    assert SliceConfig().chosen(slices).tolist() == list(range(8))
    assert SliceConfig(least_body=0.02).chosen(slices).tolist() == [2, 3, 4, 5, 6]
    assert SliceConfig(least_body=0.025).chosen(slices).tolist() == [3, 4, 5, 6]
    assert SliceConfig(least_body=0.02, stride=2).chosen(slices).tolist() == [2, 4, 6]
    assert SliceConfig(least_body=0.02, most=1).chosen(slices).tolist() == [4]
    assert SliceConfig(least_body=0.02, body_above=50.0).chosen(slices).tolist() == list(range(8))  # nothing would be


def test_a_slice_stays_where_one_channel_shows_the_body():
    image = np.full((2, 1, 4, 4, 3), -1000.0, np.float32)
    image[1, 0, :, :, 1] = 0.0
    slices = Slices.of(Scan.from_array(image, AFFINE, colour="channels"), prepare(STEPS[:2]))
    assert SliceConfig(least_body=0.5).chosen(slices).tolist() == [1]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=8), st.integers(1, 99))
def test_never_none_and_never_one_with_body(body, least):
    chosen = SliceConfig(least_body=least / 100).chosen(shares(*body)).tolist()
    kept = [number for number, count in enumerate(body) if count >= least]
    assert chosen == (kept or list(range(len(body))))


def test_slices_are_those_of_the_whole_preparation():
    scan = Scan.from_array(head(0, True), AFFINE)
    slices = Slices.of(scan, prepare())
    whole = prepare()(scan)
    assert len(slices) == 6
    np.testing.assert_array_equal(slices.prepared([4, 1]), whole[[4, 1]])
    numbers = np.arange(5)
    np.testing.assert_array_equal(np.concatenate(list(slices.batches(numbers, 2))), whole[:5])


def test_axial_whatever_the_order_of_the_axes():
    """Stored sagittal and upside down, the slices are the same."""
    image = head(1, True)
    turned = AFFINE[:, [1, 2, 0, 3]].copy()  # k runs along x
    turned[2, 1], turned[2, 3] = -5.0, 25.0  # j downwards
    other = Scan.from_array(image.transpose(1, 2, 0)[:, ::-1], turned)
    expected = Slices.of(Scan.from_array(image, AFFINE), prepare()).values_BCJI
    np.testing.assert_array_equal(Slices.of(other, prepare()).values_BCJI, expected)


def test_refusals():
    scan = Scan.from_array(np.zeros((1, 3, 8, 8, 2), np.float32), np.eye(4))
    with pytest.raises(UsageError, match="3 frames"):
        Slices.of(scan, prepare())
    with pytest.raises(UsageError, match="makes no slices"):
        Slices.of(scan, Prepare(layout="CIJK"))
    flat = Scan.from_array(head(0, False), AFFINE)
    wrong = ({"name": "repeat", "channels": 3}, *STEPS[2:])
    with pytest.raises(UsageError):
        Slices.of(flat, prepare(wrong)).prepared([0])


def test_frames_one_after_the_other():
    array = np.random.default_rng(0).normal(size=(1, 3, 24, 24, 2)).astype(np.float32)
    slices = Slices.of_frames(Scan.from_array(array), Prepare(layout="CJI"))
    assert len(slices) == 6
    for t in range(3):
        for k in range(2):
            np.testing.assert_array_equal(slices.values_BCJI[2 * t + k, 0], array[0, t, :, :, k].T)
