"""The cycle tokenizer: any size, against a slow linear codec, and what rounding costs."""

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag

from vesalius.nets.cycle import QUALITIES, CycleNet, step_of
from vesalius.nets.cycle_prior import CellTokens
from vesalius.nets.cycle_rounding import thrifty
from vesalius.nets.lapped import border_matrix
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

SMALL = CycleNet(components=832, harmonics=6, width=8, depth=1, prior_width=16)


def bases(harmonics, seed=0):
    draw = torch.Generator().manual_seed(seed)
    sizes = {number: (2 * number + 1) * 64 for number in range(harmonics + 1)}
    return {number: torch.linalg.qr(torch.randn(size, size, generator=draw))[0] for number, size in sizes.items()}


@pytest.fixture(scope="module")
def tokenizer():
    torch.manual_seed(0)
    net = SMALL.make().eval()
    net.set_bases(bases(6))
    return net


def cine(size_KTJI, seed=0):
    """Slow waves in space and time, and their mean, a little off."""
    draw = np.random.default_rng(seed)
    k, t, j, i = (np.arange(size) for size in size_KTJI)
    phase = 0.3 * j[:, None] + 0.2 * i + 0.5 * k[:, None, None, None]
    x = 0.5 + 0.3 * np.sin(phase + np.cos(2 * np.pi * t / len(t))[:, None, None]) + draw.normal(0, 0.01, size_KTJI)
    x_KTJI = torch.from_numpy(x.clip(0, 1)).float()
    return x_KTJI, x_KTJI.mean(1) + 0.01


@pytest.mark.parametrize("size_KTJI", [(1, 1, 1, 1), (1, 2, 9, 17), (2, 5, 16, 8), (3, 13, 23, 25), (2, 28, 33, 40)])
def test_any_size_comes_back(tokenizer, size_KTJI):
    x_KTJI, mean_KJI = cine(size_KTJI)
    tokens_GLM = tokenizer.encode(x_KTJI, mean_KJI, QUALITIES[0])
    assert tokens_GLM.dtype == torch.int32
    assert tuple(tokens_GLM.shape) == tokenizer.shape(size_KTJI)
    rows, columns = tokenizer.grid(size_KTJI)
    assert rows * columns == tokens_GLM.shape[1]
    assert tokenizer.values(tokens_GLM, 0).shape == (*tokens_GLM.shape[:2], tokenizer.width)
    restored_KTJI = tokenizer.decode(tokens_GLM, mean_KJI, size_KTJI, QUALITIES[0])
    assert restored_KTJI.shape == x_KTJI.shape
    harmonics = min(6, (size_KTJI[1] - 1) // 2)
    spectrum = np.fft.rfft(x_KTJI.numpy(), axis=1)
    spectrum[:, harmonics + 1 :] = 0
    kept_KTJI = np.fft.irfft(spectrum, size_KTJI[1], axis=1) if size_KTJI[1] > 1 else x_KTJI.numpy()
    error = np.abs(restored_KTJI.numpy() - kept_KTJI.clip(0, 1))
    assert error.mean() < step_of(QUALITIES[0]) / np.sqrt(size_KTJI[1])


def test_fresh_it_is_a_linear_codec(tokenizer):
    """Tokens and pictures of a slice by matrices: FFT, borders of cells, basis, rounding."""
    x_KTJI, mean_KJI = cine((1, 15, 16, 24), 3)
    quality = 20
    tokens_GLM = tokenizer.encode(x_KTJI, mean_KJI, quality)
    spectrum = np.fft.rfft(x_KTJI[0].double().numpy() - mean_KJI.double().numpy(), axis=0)
    pictures = [spectrum[0].real / np.sqrt(15)]
    for number in range(1, 7):
        pictures += [spectrum[number].real * np.sqrt(2 / 15), -spectrum[number].imag * np.sqrt(2 / 15)]
    border = border_matrix().double().numpy()
    down, right = block_diag(np.eye(4), border, np.eye(4)), block_diag(np.eye(4), border, border, np.eye(4))
    lapped = np.stack([down @ picture @ right.T for picture in pictures])
    cells = lapped.reshape(13, 2, 8, 3, 8).transpose(1, 3, 0, 2, 4).reshape(6, 832)
    basis = tokenizer.basis_6.double().numpy()
    exact = cells @ basis / step_of(quality)
    wanted = thrifty(exact.reshape(1, 2, 3, 832).transpose(0, 3, 1, 2).astype(np.float32), tokenizer.prior, quality)
    assert np.array_equal(tokens_GLM[0].numpy(), wanted[0].reshape(832, 6).T)
    back = (tokens_GLM[0].numpy() @ basis.T * step_of(quality)).reshape(2, 3, 13, 8, 8).transpose(2, 0, 3, 1, 4)
    back = np.stack([down.T @ picture @ right for picture in back.reshape(13, 16, 24)])
    spectrum = np.zeros((8, 16, 24), complex)
    spectrum[0] = back[0] * np.sqrt(15)
    for number in range(1, 7):
        spectrum[number] = (back[2 * number - 1] - 1j * back[2 * number]) * np.sqrt(15 / 2)
    x_TJI = np.fft.irfft(spectrum, 15, axis=0) + mean_KJI[0].numpy()
    restored = tokenizer.decode(tokens_GLM, mean_KJI, (1, 15, 16, 24), quality)
    assert np.allclose(restored[0].numpy(), x_TJI.clip(0, 1), atol=1e-5)


def test_a_prefix_is_all_components_with_the_rest_zero(tokenizer):
    size_KTJI = (2, 20, 16, 16)
    x_KTJI, mean_KJI = cine(size_KTJI)
    tokens_GLM = tokenizer.encode(x_KTJI, mean_KJI, 4)
    cut = tokens_GLM.clone()
    cut[:, :, 100:] = 0
    prefix = tokenizer.prefix(tokens_GLM, 100)
    assert prefix.shape[2] == 100
    decoded = tokenizer.decode(prefix, mean_KJI, size_KTJI, 4)
    assert torch.allclose(decoded, tokenizer.decode(cut, mean_KJI, size_KTJI, 4), atol=1e-5)
    assert not torch.allclose(decoded, tokenizer.decode(tokens_GLM, mean_KJI, size_KTJI, 4), atol=1e-3)


def test_coarser_steps_take_fewer_bits_and_err_more(tokenizer):
    size_KTJI = (2, 20, 24, 24)
    x_KTJI, mean_KJI = cine(size_KTJI)
    bits, errors = [], []
    for quality in (0, 8, 16, 24):
        tokens_GLM = tokenizer.encode(x_KTJI, mean_KJI, quality)
        bits.append(tokenizer.prior.bits(CellTokens(tokens_GLM.numpy(), (3, 3), quality)))
        errors.append((tokenizer.decode(tokens_GLM, mean_KJI, size_KTJI, quality) - x_KTJI).square().mean().item())
    assert bits == sorted(bits, reverse=True)
    assert errors == sorted(errors)


def test_saved_it_gives_equal_tokens_and_tables(tokenizer, tmp_path):
    save_pretrained(tmp_path, {"tokenizer": tokenizer}, ModelConfig.of("tokenize", {"tokenizer": SMALL}))
    loaded = from_pretrained(tmp_path, "tokenize").net
    x_KTJI, mean_KJI = cine((1, 14, 16, 16))
    assert torch.equal(loaded.encode(x_KTJI, mean_KJI, 9), tokenizer.encode(x_KTJI, mean_KJI, 9))
    tables = tokenizer.tables()
    assert all(np.array_equal(table, tables[name]) for name, table in loaded.tables().items())


def test_it_needs_the_means(tokenizer):
    x_KTJI, mean_KJI = cine((1, 14, 8, 8))
    with pytest.raises(ValueError, match="means"):
        tokenizer.encode(x_KTJI, None, 0)
    with pytest.raises(ValueError, match="means"):
        tokenizer.decode(tokenizer.encode(x_KTJI, mean_KJI, 0), None, (1, 14, 8, 8), 0)
