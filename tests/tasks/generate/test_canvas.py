import pytest
import torch

from vesalius.tasks.generate.canvas import from_pictures, to_pictures
from vesalius.tasks.generate.config import PixelsConfig


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_there_and_back(gamma):
    pixels, x = PixelsConfig(gamma=gamma), torch.rand(2, 3, 4, 4)
    seen = from_pictures(x, pixels)
    assert seen.min() >= -1
    assert seen.max() <= 1
    torch.testing.assert_close(to_pictures(seen, pixels), x)


def test_what_lies_beyond_is_cut():
    pixels = PixelsConfig(gamma=0.5)
    assert to_pictures(torch.tensor([[[[-3.0, 3.0]]]]), pixels).flatten().tolist() == [0, 1]
