import numpy as np
import pytest
import torch

from vesalius.codec.token_stream import TokenPrior, read_tokens, write_tokens
from vesalius.nets.autoencoder_kl import QUALITIES, AutoencoderKL, step_of
from vesalius.nets.net import build

SMALL = AutoencoderKL(channels=(8, 8), latents=3)


@pytest.fixture
def tokenizer():
    torch.manual_seed(0)
    return build(SMALL).eval()


def cine(size=(2, 5, 9, 7)):
    return torch.rand(size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [(2, 5, 9, 7), (1, 1, 8, 8), (3, 4, 2, 3)])
def test_any_size(tokenizer, size):
    tokens = tokenizer.encode(cine(size), None, 4)
    rows, columns = tokenizer.grid(size)
    assert tuple(tokens.shape) == tokenizer.shape(size)
    assert tokens.shape[1] == rows * columns
    assert tokens.dtype == torch.int32
    restored = tokenizer.decode(tokens, None, size, 4)
    assert tuple(restored.shape) == size
    assert 0 <= restored.min() <= restored.max() <= 1


def test_tokens_are_latents_of_monai_in_steps_of_their_spread(tokenizer):
    x = cine((1, 4, 8, 6))
    tokenizer.spread_M.copy_(torch.tensor([0.5, 1.0, 2.0]))
    with torch.no_grad():
        mu, _ = tokenizer.vae.encode(x[None])
    tokens = tokenizer.encode(x, None, 8)
    for channel, spread in enumerate((0.5, 1.0, 2.0)):
        expected = torch.round(mu[0, channel] / (spread * step_of(8)))
        assert torch.equal(tokens[:, :, channel].reshape(2, 4, 3), expected.int())
        back = tokenizer.values(tokens, 8)[:, :, channel].reshape(2, 4, 3)
        assert (back - mu[0, channel]).abs().max() <= spread * step_of(8) / 2 + 1e-5


def test_finer_steps_come_nearer_to_the_unrounded_autoencoder(tokenizer):
    x = cine((2, 4, 8, 8))
    with torch.no_grad():
        exact = torch.stack([tokenizer.vae.reconstruct(x_TJI[None, None])[0, 0] for x_TJI in x]).clamp(0, 1)
    errors = [
        float((tokenizer.decode(tokenizer.encode(x, None, q), None, tuple(x.shape), q) - exact).square().mean())
        for q in (QUALITIES[0], 16, QUALITIES[-1])
    ]
    assert errors[0] < errors[1] < errors[2]


def test_a_prefix_is_the_first_latent_channels(tokenizer):
    size = (2, 5, 9, 7)
    tokens = tokenizer.encode(cine(size), None, 0)
    zeroed = tokens.clone()
    zeroed[:, :, 2:] = 0
    assert torch.equal(
        tokenizer.decode(tokenizer.prefix(tokens, 2), None, size, 0), tokenizer.decode(zeroed, None, size, 0)
    )


def test_the_spread_is_learned(tokenizer):
    mu = (
        torch.randn(4, 3, 4, 5, 6, generator=torch.Generator().manual_seed(2))
        * torch.tensor([1, 2, 4])[:, None, None, None]
    )
    for _ in range(60):
        tokenizer.learn_spread(mu, 0.2)
    assert torch.allclose(tokenizer.spread_M, mu.pow(2).mean((0, 2, 3, 4)).sqrt(), rtol=1e-4)


def test_tokens_survive_the_stream(tokenizer):
    size = (2, 5, 9, 7)
    tokens = tokenizer.encode(cine(size), None, 8).numpy()
    prior = TokenPrior.of(tokenizer.tables())
    data = write_tokens(tokens, tokenizer.grid(size), 8, prior)
    assert np.array_equal(read_tokens(data, tokenizer.shape(size), tokenizer.grid(size), 8, prior), tokens)
