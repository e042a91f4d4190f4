"""The halves of the cycle tokenizer: together they are the whole, and ONNX Runtime gives the same."""

import numpy as np
import pytest
import torch

from vesalius.nets.cycle import CycleNet, step_of
from vesalius.nets.cycle_halves import CycleAnalysis, CycleSynthesis
from vesalius.weights.onnx import export_onnx


@pytest.fixture(scope="module")
def tokenizer():
    torch.manual_seed(0)
    net = CycleNet(components=100, harmonics=3, width=8, depth=1, prior_width=16).make().eval()
    net.set_bases({3: torch.linalg.qr(torch.randn(448, 448))[0]})
    torch.nn.init.normal_(net.correction.leave.weight, std=0.3)
    return net


def test_together_they_are_the_whole(tokenizer):
    draw = np.random.default_rng(0)
    x_KTJI = torch.from_numpy(draw.random((2, 10, 16, 24))).float()
    mean_KJI, quality = x_KTJI.mean(1) + 0.02, 12
    tokens_GLM = tokenizer.encode(x_KTJI, mean_KJI, quality)
    spectrum = np.fft.rfft(x_KTJI.numpy() - mean_KJI[:, None].numpy(), axis=1)
    pictures = [spectrum[:, 0].real / np.sqrt(10)]
    for number in (1, 2, 3):
        pictures += [spectrum[:, number].real * np.sqrt(0.2), -spectrum[:, number].imag * np.sqrt(0.2)]
    exact_BMRC = CycleAnalysis(tokenizer)(torch.from_numpy(np.stack(pictures, 1)).float()) / step_of(quality)
    tokens_BMRC = tokens_GLM.transpose(1, 2).reshape(2, 100, 2, 3).float()
    assert ((tokens_BMRC - exact_BMRC).abs() < 2).all()
    tiles = torch.nn.functional.pixel_unshuffle(mean_KJI[:, None], 8) * np.sqrt(10) / step_of(quality)
    level = torch.full((2, 1, 2, 3), float(np.log2(step_of(quality))))
    with torch.no_grad():
        x_BHJI = CycleSynthesis(tokenizer)(torch.cat([tokens_BMRC, tiles, level], 1)).numpy() * step_of(quality)
    spectrum = np.zeros((2, 6, 16, 24), complex)
    spectrum[:, 0] = x_BHJI[:, 0] * np.sqrt(10)
    for number in (1, 2, 3):
        spectrum[:, number] = (x_BHJI[:, 2 * number - 1] - 1j * x_BHJI[:, 2 * number]) * np.sqrt(5)
    wanted = np.fft.irfft(spectrum, 10, axis=1) + mean_KJI[:, None].numpy()
    decoded = tokenizer.decode(tokens_GLM, mean_KJI, (2, 10, 16, 24), quality)
    assert np.allclose(decoded.numpy(), wanted.clip(0, 1), atol=1e-4)


@pytest.mark.parametrize("half", [CycleAnalysis, CycleSynthesis])
def test_onnx_runtime_gives_the_same(tokenizer, half, tmp_path):
    net = half(tokenizer)
    size = (24, 16) if half is CycleAnalysis else (3, 2)
    parity = export_onnx(net, (net.inputs, *size), tmp_path / "half.onnx", within=1e-4)
    assert parity.largest <= 1e-4
    assert parity.scale > 1
