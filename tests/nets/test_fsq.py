from itertools import product

import torch

from vesalius.nets.fsq import FiniteScalarQuantizer


def test_every_code_is_a_point_of_the_grid_and_comes_back():
    levels = (8, 5, 2)
    quantizer = FiniteScalarQuantizer(levels)
    codes = torch.arange(80)
    points = quantizer.lookup(codes)
    axes = [[(digit - count // 2) / (count // 2) for digit in range(count)] for count in levels]
    wanted = [tuple(reversed(point)) for point in product(*reversed(axes))]  # the first number changes fastest
    assert torch.allclose(points, torch.tensor(wanted))
    half = torch.tensor([count // 2 for count in levels])
    offset = torch.tensor([0.5 if count % 2 == 0 else 0.0 for count in levels])
    reach = torch.tensor([(count - 1) * 1.001 / 2 for count in levels])
    y = ((points * half + offset) / reach).atanh() - (offset / reach).atanh()  # the bound undone, by hand
    z, back, loss = quantizer(y[None])
    assert torch.equal(back[0], codes)
    assert torch.allclose(z[0], points, atol=1e-6)
    assert float(loss) == 0


def test_rounding_and_a_straight_gradient():
    quantizer = FiniteScalarQuantizer((8, 8))
    y = (3 * torch.randn(1, 500, 2)).requires_grad_()
    z, codes, _ = quantizer(y)
    smooth = quantizer.continuous(y).z_BLD
    assert (z - smooth).abs().max() <= 0.125 + 1e-6
    assert torch.equal(z.detach(), quantizer.lookup(codes))
    weight = torch.randn_like(z)
    ours, wanted = (torch.autograd.grad((out * weight).sum(), y, retain_graph=True)[0] for out in (z, smooth))
    assert torch.allclose(ours, wanted)
    assert torch.equal(quantizer.continuous(y).codes_BL, codes)
    assert 0 <= int(codes.min()) <= int(codes.max()) < 64


def test_zero_is_near_the_middle_and_large_values_reach_the_ends():
    quantizer = FiniteScalarQuantizer((8, 5))
    z = quantizer(torch.tensor([[[0.0, 0.0], [99.0, 99.0], [-99.0, -99.0]]])).z_BLD
    assert z[0].tolist() == [[0.0, 0.0], [0.75, 1.0], [-1.0, -1.0]]
