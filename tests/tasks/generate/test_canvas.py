import pytest
import torch

from vesalius.nets.picture_latents import LatentNet, PictureLatents
from vesalius.tasks.generate.canvas import FlowSpace
from vesalius.tasks.generate.config import PixelsConfig


class Halves(LatentNet):
    """Latents are means of 2 x 2 pixels."""

    inputs: int = 3
    outputs: int = 3
    divisor: int = 2

    def make(self):
        return HalvesNet()


class HalvesNet(PictureLatents):
    def __init__(self):
        torch.nn.Module.__init__(self)  # it has no folder
        self.calls = 0

    def encode(self, x_BCJI):
        self.calls += 1
        return torch.nn.functional.avg_pool2d(x_BCJI, 2)

    def decode(self, z_BCJI):
        return z_BCJI.repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_there_and_back(gamma):
    canvas, x = FlowSpace(PixelsConfig(gamma=gamma)), torch.rand(2, 3, 4, 4)
    seen = canvas.from_pictures(x, None)
    assert seen.min() >= -1
    assert seen.max() <= 1
    torch.testing.assert_close(canvas.to_pictures(seen, None), x, atol=1e-3, rtol=0)


def test_what_lies_beyond_is_cut():
    canvas = FlowSpace(PixelsConfig(gamma=0.5))
    assert canvas.to_pictures(torch.tensor([[[[-3.0, 3.0]]]]), None).flatten().tolist() == [0, 1]


def test_latents_have_fewer_rows_and_so_have_places():
    canvas, vae = FlowSpace(PixelsConfig(), Halves()), HalvesNet()
    x = torch.rand(2, 3, 4, 6)
    z = canvas.from_pictures(x, vae)
    assert z.shape == (2, *canvas.shape(3, (4, 6))) == (2, 3, 2, 3)
    assert canvas.to_pictures(z, vae).shape == x.shape
    mask = torch.full((1, 1, 4, 4), -1.0)
    mask[..., :1, :2] = 1
    assert canvas.places(mask).flatten().tolist() == [0, -1, -1, -1]


@pytest.mark.parametrize(("remembers", "calls"), [(True, 2), (False, 4)])
def test_a_picture_that_comes_again_is_encoded_once(remembers, calls):
    canvas, vae = FlowSpace(PixelsConfig(), Halves(), remembers=remembers), HalvesNet()
    x = torch.rand(2, 3, 4, 4)
    first = canvas.from_pictures(x, vae)
    assert canvas.from_pictures(x, vae).equal(first)
    assert vae.calls == calls
