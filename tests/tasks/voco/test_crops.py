import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.tasks.voco.crops import CropChanges, cut_crops, overlaps


def crops_at(firsts, flips=None, turns=None, shifts=None):
    count = len(firsts)
    drawn = {
        "first": np.array(firsts, np.float32),
        "flip": np.zeros((count, 3), bool) if flips is None else np.array(flips, bool),
        "turn": np.zeros(count, int) if turns is None else np.array(turns),
        "shift": np.zeros(count, np.float32) if shifts is None else np.array(shifts, np.float32),
    }
    return {name: torch.from_numpy(numbers)[None] for name, numbers in drawn.items()}


def test_crops_of_their_own_size_are_the_voxels():
    x = torch.randn(1, 2, 12, 10, 6)
    got = cut_crops(x, crops_at([[0, 0, 0], [8, 5, 2], [3, 1, 1]]), (4, 5, 4), (4, 5, 4))
    for number, (i, j, k) in enumerate([(0, 0, 0), (8, 5, 2), (3, 1, 1)]):
        torch.testing.assert_close(got[0, number], x[0, :, i : i + 4, j : j + 5, k : k + 4], atol=1e-4, rtol=0)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_flips_then_turns_then_shifts(turn):
    x = torch.randn(1, 1, 8, 8, 4)
    got = cut_crops(x, crops_at([[2, 3, 0]], [[True, False, True]], [turn], [0.5]), (4, 4, 4), (4, 4, 4))
    expected = torch.rot90(x[:, :, 2:6, 3:7].flip([2, 4]), turn, (2, 3)) + 0.5
    torch.testing.assert_close(got[0], expected, atol=1e-4, rtol=0)


def test_each_volume_has_its_crops_and_resizing_is_linear():
    x = torch.randn(2, 1, 12, 12, 6)
    drawn = {name: torch.cat([numbers, numbers]) for name, numbers in crops_at([[0, 0, 0], [6, 6, 0]]).items()}
    drawn["first"][1] = torch.tensor([[3.0, 2.0, 0.0], [1.0, 1.0, 0.0]])
    got = cut_crops(x, drawn, (6, 6, 6), (4, 4, 4))
    assert got.shape == (2, 2, 1, 4, 4, 4)
    alone = x[1:, :, 3:9, 2:8]
    expected = torch.nn.functional.interpolate(alone, (4, 4, 4), mode="trilinear")
    torch.testing.assert_close(got[1, :1], expected, atol=1e-4, rtol=0)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12), min_size=3, max_size=3), st.lists(st.integers(0, 12), min_size=3, max_size=3))
def test_overlaps_are_counted_voxels(one, other):
    size, axes = (5, 4, 3), [np.zeros((20, 20, 20), bool) for _ in range(2)]
    for box, (i, j, k) in zip(axes, (one, other), strict=True):
        box[i : i + 5, j : j + 4, k : k + 3] = True
    both = axes[0] & axes[1]
    assert overlaps([one], [other], size)[0, 0] == pytest.approx(both.sum() / 60)
    if one[2] == other[2]:
        assert overlaps([one], [other], size, axes=2)[0, 0] == pytest.approx(both.sum() / 60)


def test_changes_can_be_switched_off_and_come_from_the_generator():
    none = CropChanges(flip=0, quarter_turn=0, shift_p=0).draw(np.random.default_rng(0), np.zeros((50, 3)))
    assert not any(none[name].any() for name in ("flip", "turn", "shift"))
    always = CropChanges(flip=1, quarter_turn=1, shift=0.2, shift_p=1)
    first, again = (always.draw(np.random.default_rng(1), np.zeros((50, 3))) for _ in range(2))
    assert first["flip"].all()
    assert set(first["turn"]) == {1, 2, 3}
    assert 0.1 < abs(first["shift"]).max() <= 0.2
    assert all(np.array_equal(first[name], again[name]) for name in first)
