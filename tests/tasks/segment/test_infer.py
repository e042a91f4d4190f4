import pytest
import torch
from torch import nn

from vesalius.tasks.segment.config import InferConfig
from vesalius.tasks.segment.infer import probabilities


class PerVoxel(nn.Module):
    """Logits that depend on the voxel alone, so windows cannot matter."""

    def __init__(self):
        super().__init__()
        self.shapes = set()

    def forward(self, x):
        self.shapes.add(tuple(x.shape[1:]))
        return torch.cat([torch.zeros_like(x[:, :1]), x[:, :1], -x[:, :1]], 1)


@pytest.mark.parametrize(("patch", "shape"), [((8, 8, 1), (1, 8, 8)), ((8, 8, 4), (1, 8, 8, 4))])
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_windows_cover_every_voxel(patch, shape, overlap):
    torch.manual_seed(0)
    x, net = torch.randn(1, 13, 9, 6), PerVoxel()
    p = probabilities(net, x, patch, InferConfig(overlap=overlap))
    assert p.shape == (3, 13, 9, 6)
    expected = torch.stack([torch.zeros_like(x[0]), x[0], -x[0]]).softmax(0)
    torch.testing.assert_close(p, expected, atol=1e-5, rtol=1e-5)
    assert net.shapes == {shape}


def test_a_volume_smaller_than_a_window():
    p = probabilities(PerVoxel(), torch.randn(1, 3, 4, 2), (8, 8, 4), InferConfig())
    assert p.shape == (3, 3, 4, 2)
