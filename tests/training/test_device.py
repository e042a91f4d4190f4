"""Where nets run."""

import pytest
import torch

from vesalius.errors import UsageError
from vesalius.training.device import on_cpu


def test_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert on_cpu("auto")
    assert on_cpu("cpu")
    with pytest.raises(UsageError, match="--device cpu"):
        on_cpu("cuda")


def test_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [on_cpu(asked) for asked in ("auto", "cpu", "cuda")] == [False, True, False]
