"""Measures of tokens."""

import math

import numpy as np
import pytest
import torch

from vesalius.tasks.tokenize.measure import LEAST_GAIN_DB, alarm, psnr, rows_of, summary, usage
from vesalius.tasks.tokenize.method import Decoded


def test_psnr_of_each_example():
    truth = torch.zeros(2, 1, 2, 3, 3)
    decoded = truth.clone()
    decoded[0] += 0.1
    assert psnr(decoded, truth) == pytest.approx([20.0, 100.0])
    assert psnr(truth - 5, truth) == pytest.approx([100.0, 100.0])  # decoders show nothing below 0


def test_usage_of_codes():
    tokens = np.array([0] * 8 + [1] * 4 + [2] * 2 + [9] * 2)
    measures = usage(tokens, 10)
    assert measures["entropy"] == pytest.approx(1.75)  # 1/2 * 1 + 1/4 * 2 + 2 * 1/8 * 3
    assert measures["perplexity"] == pytest.approx(2**1.75)
    assert (measures["usage"], measures["dead"]) == (0.4, 6)
    assert set(usage(tokens, None)) == {"entropy", "perplexity"}
    assert usage(np.zeros(5, np.int64), 3)["entropy"] == 0


def test_a_summary_over_examples():
    truth = torch.zeros(2, 1, 4, 1, 1)
    decoded = Decoded(truth + 0.1, truth + 1, truth + 0.2, torch.tensor([[1, 1, 2], [1, 1, 2]]), 4)
    batch = {"x": truth, "mean": torch.full((2, 1, 1, 1), 0.5)}
    measures = summary(rows_of(decoded, batch))
    assert measures["psnr"] == pytest.approx(20)
    assert measures["gain_over_zeroed"] == pytest.approx(20)
    assert measures["gain_over_others"] == pytest.approx(20 * math.log10(2))
    assert measures["psnr_mean"] == pytest.approx(20 * math.log10(2))
    assert measures["gain_over_mean"] == pytest.approx(20 - 20 * math.log10(2))
    entropy = -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    assert measures["bits_per_frame"] == pytest.approx(entropy * 6 / 8)
    assert measures["usage"] == 0.5
    assert summary([]) == {}


def test_the_alarm_rings_where_tokens_carry_nothing():
    assert alarm({"psnr": 20.0}) is None
    assert alarm({"gain_over_zeroed": 3.0, "gain_over_others": 2.0}) is None
    assert "carry almost nothing" in alarm({"gain_over_zeroed": LEAST_GAIN_DB / 2})
    assert "gain 0.00 dB" in alarm({"gain_over_zeroed": 3.0, "gain_over_others": 0.0})
