"""Motion against motion."""

import pytest

torch = pytest.importorskip("torch")

from vesalius.objectives.frame_differences import frame_differences  # noqa: E402


def test_slowly():
    draw = torch.Generator().manual_seed(0)
    x, truth = torch.rand(2, 4, 3, generator=draw), torch.rand(2, 4, 3, generator=draw)
    total = 0.0
    for b in range(2):
        for t in range(4):
            after = (t + 1) % 4
            for place in range(3):
                moved = x[b, after, place] - x[b, t, place]
                should = truth[b, after, place] - truth[b, t, place]
                total += abs(float(moved - should)) / 24
    assert frame_differences(x, truth).item() == pytest.approx(total, rel=1e-5)


def test_a_constant_error_is_no_wrong_motion_and_a_frozen_heart_is():
    truth = torch.sin(torch.arange(8.0)).reshape(1, 8, 1)
    assert frame_differences(truth + 0.3, truth).item() == pytest.approx(0, abs=1e-6)
    assert frame_differences(truth.mean(1, keepdim=True).expand(1, 8, 1), truth) > 0.5
    assert frame_differences(truth[:, :1], truth[:, 1:2]).item() == 0  # a single frame
