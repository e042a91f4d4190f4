import numpy as np
import pytest
import torch
from scipy.stats import entropy

from vesalius.nets.quantizer import code_statistics
from vesalius.nets.table import QUANTIZERS


def test_statistics_are_those_of_scipy():
    share = np.array([5.0, 0, 3, 1, 0, 0, 7, 2])
    measured = code_statistics(torch.from_numpy(share))
    assert measured["perplexity"] == pytest.approx(np.exp(entropy(share)), rel=1e-9)
    assert (measured["used"], measured["dead"]) == (5 / 8, 3)


@pytest.mark.parametrize("name", QUANTIZERS.names())
def test_every_quantizer_computes_in_fp32_and_takes_what_it_says(name):
    config = QUANTIZERS.get(name)()
    quantizer = config.make()
    y_BLE = torch.randn(2, 3, config.emits)
    with torch.autocast("cpu", torch.bfloat16):
        rough = quantizer.eval()(y_BLE.bfloat16())
    exact = quantizer(y_BLE.bfloat16().float())
    for got, wanted in zip(rough, exact, strict=True):
        assert got.dtype == wanted.dtype != torch.bfloat16
        assert torch.equal(got, wanted)
    assert exact.z_BLD.shape == (2, 3, config.width)
    assert exact.codes_BL.shape == (2, 3 if quantizer.codes else 0)
    smooth = quantizer.continuous(y_BLE)
    assert smooth.loss.item() == 0
    assert smooth.z_BLD.shape == exact.z_BLD.shape
    assert quantizer.revive("a") == 0
