import pytest
import torch

from vesalius.nets.next_dit import NextDiT
from vesalius.nets.next_dit_stems import patchified, unpatchified


def test_patches_there_and_back():
    x = torch.randn(2, 3, 8, 12)
    patches = patchified(x, 4)
    assert patches.shape == (2, 6, 48)
    assert patches[0, 1].reshape(3, 4, 4).equal(x[0, :, :4, 4:8])
    channels_last = patches.reshape(2, 6, 3, 16).transpose(2, 3).flatten(2)
    assert unpatchified(channels_last, 4, 2, 3).equal(x)


@pytest.mark.parametrize("stem", ["patch", "conv"])
def test_a_stem_gives_the_patches_of_each_place(stem):
    torch.manual_seed(0)
    net = NextDiT(inputs=2, width=16, depth=1, heads=2, patch=4, text_width=8, mask_channels=1, stem=stem).make().stem
    x = torch.randn(1, 2, 8, 12)
    before, _ = net.enter(x, torch.zeros(1, 1, 8, 12))
    x[:, :, 5:7, 9:11] = 7  # the middle of the last patch: neighbours of convolutions see nothing of it
    after, _ = net.enter(x, torch.zeros(1, 1, 8, 12))
    assert before.shape == (1, 6, 16)
    assert (before != after).any(2).tolist() == [[False] * 5 + [True]]
