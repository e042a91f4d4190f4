import pytest
import torch

from vesalius.training.precision import resolved


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_was_asked_stays(device):
    assert resolved("fp32", device) == "fp32"
    assert resolved("bf16", device) == "bf16"


@pytest.mark.parametrize("has", [False, True])
def test_auto_goes_by_the_hardware(monkeypatch, has):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: not has)
    assert (resolved("auto", "cpu") == "bf16") == has
    assert (resolved("auto", "cuda") == "bf16") == (not has)
