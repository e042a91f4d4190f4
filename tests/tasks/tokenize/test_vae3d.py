"""The autoencoder to compare with, as a method of training."""

import torch

from tasks.tokenize.small import make_cines, table
from vesalius.nets.autoencoder_kl import AutoencoderKL
from vesalius.nets.net import build
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.method import TOKENIZER
from vesalius.tasks.tokenize.vae3d import Vae3d
from vesalius.tasks.train.run import train

SMALL = {"name": "vae3d", "net": {"name": "autoencoder-kl", "channels": [8, 8], "latents": 4}, "quality": 8}


def discs(count=2):
    """Slices of discs that beat, x_BKTJI."""
    t, j, i = torch.meshgrid(torch.arange(4.0), torch.arange(16.0), torch.arange(12.0), indexing="ij")
    radius = 4 + torch.cos(t * torch.pi / 2)
    disc = ((j - 8) ** 2 + (i - 6) ** 2 < radius**2).float() * 0.6 + 0.2
    return disc.expand(count, 1, *disc.shape).contiguous()


def test_the_loss_is_that_of_a_variational_autoencoder():
    torch.manual_seed(0)
    method = Vae3d.model_validate({**SMALL, "divergence": 0.5})
    net = build(AutoencoderKL(channels=(8, 8), latents=4))
    x = discs()
    state = torch.get_rng_state()
    losses, logs = method.losses({TOKENIZER: net}, {"x": x}, 0)
    torch.set_rng_state(state)
    mu, sigma = net.vae.encode(x[:, 0][:, None])
    total = 0.0
    for number in range(2):  # divergence of N(mu, sigma) from N(0, 1), number by number
        pairs = torch.distributions.Normal(mu[number], sigma[number])
        total += torch.distributions.kl_divergence(pairs, torch.distributions.Normal(0.0, 1.0)).sum()
    assert torch.isclose(logs["divergence"], total / 2, rtol=1e-4)
    assert torch.isclose(losses["net"], logs["error"] + 0.5 * logs["divergence"])
    assert not torch.equal(net.spread_M, torch.ones(4))


def test_it_learns_two_discs():
    torch.manual_seed(0)
    method = Vae3d.model_validate(SMALL)
    net = build(AutoencoderKL(channels=(8, 16), latents=4))
    modules, batch = {TOKENIZER: net}, {"x": discs()}
    optimizer = torch.optim.AdamW(net.vae.parameters(), 3e-3)
    errors = []
    for step in range(40):
        losses, logs = method.losses(modules, batch, step)
        optimizer.zero_grad()
        losses["net"].backward()
        optimizer.step()
        errors.append(float(logs["error"]))
    assert sum(errors[-5:]) < 0.5 * sum(errors[:5])
    net.eval()
    decoded = method.decoded(modules, batch)
    error = (decoded.x_BKTJI - batch["x"]).square().mean()
    assert error < (decoded.zeroed_BKTJI - batch["x"]).square().mean()
    assert decoded.codes_BN.shape[0] == 2


def test_a_whole_run(tmp_path):
    keys = table(make_cines(tmp_path / "cines"), method=SMALL, train={"epochs": 1, "max_steps": 2, "log_every": 1})
    keys["example"] = {"size": [16, 16], "frames": 4}
    config = tmp_path / "c.yaml"
    config.write_text(TokenizeConfig.parse(keys).model_dump_json(), encoding="utf-8")
    train(config, tmp_path / "run", threads=1)
    assert (tmp_path / "run" / "model" / "config.json").exists()
