import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.transforms.boxes import grid_boxes, neighbour_boxes, overlap_shares, random_box, region


@given(st.tuples(*[st.integers(1, 3)] * 3), st.tuples(*[st.integers(2, 4)] * 3), st.integers(0, 99))
def test_shares_sum_to_one_and_are_counted_voxels(counts, size, seed):
    shape = [count * step + seed % 3 for count, step in zip(counts, size, strict=True)]
    base = grid_boxes(shape, counts, size)
    assert len(base) == np.prod(counts)
    owner = np.full(shape, -1)
    for n, box in enumerate(base):
        assert (owner[box] == -1).all()
        owner[box] = n
    assert (owner[region(base)] >= 0).all()
    box = random_box(generator("box", seed), region(base), size)
    shares = overlap_shares(box, base)
    assert shares.sum() == pytest.approx(1)
    assert np.count_nonzero(shares) <= 8
    for n, share in enumerate(shares):
        assert share == pytest.approx(np.mean(owner[box] == n))


def test_random_boxes_reach_every_place():
    firsts = {random_box(generator("reach", n), (slice(2, 7),), (3,))[0].start for n in range(100)}
    assert firsts == {2, 3, 4}


def test_neighbours_share_what_was_asked():
    boxes = neighbour_boxes(generator(3), (240, 240, 155), (64, 64, 32), overlap=0.25)
    assert len(boxes) == 5
    np.testing.assert_allclose(overlap_shares(boxes[0], boxes[1:]), 0.25)
    volume = np.zeros((240, 240, 155), bool)
    for box in boxes:
        assert volume[box].shape == (64, 64, 32)
    assert len({tuple(span.start for span in box) for box in boxes}) == 5
    tight = neighbour_boxes(generator("place"), (160, 160, 32), (64, 64, 32))
    assert tight[0] == (slice(48, 112), slice(48, 112), slice(0, 32))
    assert region(tight) == (slice(0, 160), slice(0, 160), slice(0, 32))


def test_what_does_not_fit():
    with pytest.raises(UsageError, match="do not fit into"):
        grid_boxes((10, 10, 10), (3, 3, 1), (4, 4, 4))
    with pytest.raises(UsageError, match="pad the volume first"):
        neighbour_boxes(generator(0), (64, 64, 32), (64, 64, 32))
