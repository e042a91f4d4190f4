"""Where nets run."""

import pytest
import torch

from vesalius.errors import UsageError
from vesalius.training.device import on_cpu, resolved, resolved_for_training


def test_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert on_cpu("auto")
    assert on_cpu("cpu")
    with pytest.raises(UsageError, match="--device cpu"):
        on_cpu("cuda")


def test_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [on_cpu(asked) for asked in ("auto", "cpu", "cuda")] == [False, True, False]


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


def test_fp16_is_for_a_gpu():
    assert resolved_for_training("fp16", "cuda") == "fp16"
    assert resolved_for_training("fp32", "cpu") == "fp32"
    with pytest.raises(UsageError, match="take bf16 or fp32"):
        resolved_for_training("fp16", "cpu")
