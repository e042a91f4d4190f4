import pytest
import torch
from torch import nn
from torch.nn import functional

from vesalius.nets.next_dit import NextDiT
from vesalius.training.footprint import footprint

SMALL = {"inputs": 3, "width": 64, "depth": 3, "heads": 2, "patch": 4, "text_width": 32}
TWO_B = {"inputs": 4, "width": 2304, "depth": 24, "heads": 32, "kv_heads": 8, "patch": 2, "text_width": 2048}


def inputs(batch, channels, side, tokens, width, device="meta"):
    with torch.device(device):
        kept = torch.ones(batch, tokens, dtype=torch.bool)
        return [torch.ones(batch, channels, side, side), torch.ones(batch), torch.ones(batch, tokens, width), kept]


def really_kept(net, given):
    """Bytes of distinct storages that a real forward pass keeps on the CPU."""
    weights = {weight.data_ptr() for weight in net.parameters()}
    kept, alive = {}, []

    def keep(x):
        if x.untyped_storage().data_ptr() not in weights:
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            alive.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        net(*given)
    return sum(kept.values())


@pytest.mark.parametrize("side", [32, 64])
def test_activations_are_those_of_a_real_pass(side):
    sizes = NextDiT(**SMALL)
    with torch.device("meta"):
        net = sizes.make()
    counted = footprint(net, inputs(4, 3, side, 8, 32), kernels="open").activations
    real = really_kept(sizes.make(), inputs(4, 3, side, 8, 32, "cpu"))
    assert counted == pytest.approx(real, rel=0.15)


def test_halves_and_fused_kernels_take_less():
    def counted(**given):
        with torch.device("meta"):
            net = NextDiT(**SMALL).make()
        return footprint(net, inputs(4, 3, 64, 8, 32), **given)

    full, half, open_ = counted(), counted(numbers="bf16"), counted(kernels="open")
    assert full.activations / 2 <= half.activations < 0.7 * full.activations
    assert open_.activations - full.activations > 3 * 4 * 2 * 256**2 * 4 * 0.9  # scores of 3 blocks
    assert half.weights == 1.5 * full.weights


def test_frozen_weights_need_no_gradients():
    with torch.device("meta"):
        net, head = nn.Linear(8, 8), nn.Linear(8, 2)
        x = torch.empty(1, 8)
    net.weight.requires_grad_(False)
    cost = footprint(net, [x], beside=[head], optimizer="sgd")
    assert (cost.parameters, cost.trained) == (90, 26)
    assert (cost.weights, cost.gradients, cost.optimizer, cost.average) == (360, 104, 104, 104)


def test_fused_attention_has_the_shape_of_attention():
    class Attend(nn.Module):
        def forward(self, q):
            return functional.scaled_dot_product_attention(q, q, q)

    with torch.device("meta"):
        q = torch.empty(1, 2, 16, 8, requires_grad=True)
    cost = footprint(Attend(), [q])
    assert cost.activations == 2 * q.numel() * 4  # what goes in and what comes out


def test_the_published_net_at_1024_pixels():
    """Latents of 128 x 128, one picture: 24 GiB and more of weights, gradients and moments; no scores of 4096^2."""
    with torch.device("meta"):
        net = NextDiT(**TWO_B, ffn_multiple=256, learns_sigma=True, mask_channels=3).make()
    cost = footprint(net, inputs(1, 4, 128, 256, 2048), numbers="bf16")
    assert cost.parameters == pytest.approx(1.627e9, rel=1e-3)
    assert cost.total - cost.activations == cost.parameters * (6 + 4 + 8 + 4)
    assert 10 < cost.activations / 2**30 < 40
    assert cost.words().startswith("weights 9.1 GiB, gradients 6.1 GiB, optimizer 12.1 GiB, average 6.1 GiB, activat")
