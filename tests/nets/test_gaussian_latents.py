import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vesalius.errors import UsageError
from vesalius.nets.gaussian_latents import GaussianLatents


def test_divergence_is_that_of_torch_and_training_draws():
    config = GaussianLatents(dim=3)
    quantizer = config.make().train()
    y = torch.randn(2, 4, config.emits)
    mean, spread = y[..., :3], (y[..., 3:] / 2).exp()
    wanted = kl_divergence(Normal(mean, spread), Normal(0.0, 1.0)).sum((1, 2)).mean()
    torch.manual_seed(0)
    z, codes, loss = quantizer(y)
    torch.manual_seed(0)
    assert torch.allclose(z, mean + spread * torch.randn(2, 4, 3))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert codes.numel() == 0
    assert torch.equal(quantizer.eval()(y).z_BLD, mean)
    assert torch.equal(quantizer.continuous(y).z_BLD, mean)


def test_variances_are_bounded():
    quantizer = GaussianLatents(dim=1).make()
    assert torch.isfinite(quantizer(torch.tensor([[[0.0, 1e4]], [[0.0, -1e4]]])).loss)


def test_there_are_no_integers_to_look_up():
    with pytest.raises(UsageError, match="no integers"):
        GaussianLatents().make().lookup(torch.zeros(1, 2, dtype=torch.long))
