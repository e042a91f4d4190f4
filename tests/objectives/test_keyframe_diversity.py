"""Keyframes against each other."""

import pytest

torch = pytest.importorskip("torch")

from vesalius.objectives.keyframe_diversity import keyframe_diversity  # noqa: E402


def test_slowly():
    y = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    squares = []
    for scan in y:
        for one in range(3):
            for other in range(3):
                if one != other:
                    dot = float(scan[one] @ scan[other])
                    squares.append(dot**2 / float(scan[one] @ scan[one]) / float(scan[other] @ scan[other]))
    assert keyframe_diversity(y).item() == pytest.approx(sum(squares) / len(squares), rel=1e-5)


def test_the_bounds():
    assert keyframe_diversity(torch.eye(4)[None]).item() == 0
    assert keyframe_diversity(torch.ones(1, 4, 3)).item() == pytest.approx(1)
    assert keyframe_diversity(torch.ones(1, 1, 3)).item() == 0  # nothing to differ from
