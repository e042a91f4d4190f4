"""export as a user calls it."""

import pytest

from tasks.weights.models import model_at
from vesalius.cli.export import _sides
from vesalius.errors import UsageError


def test_export(vesalius, tmp_path):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    folder = model_at(tmp_path / "tiny")
    words = ("export", folder, "--format", "onnx", "-o", tmp_path / "tiny.onnx", "--size", "16,16")
    done = vesalius(*words)
    assert (done.code, done.err) == (0, "")
    assert "ONNX Runtime differs by at most" in done.out
    assert "exists already" in vesalius(*words).error
    assert vesalius(*words, "--force", "--json").told["opset"] == 20


def test_sizes():
    assert _sides("64,32,32") == (64, 32, 32)
    with pytest.raises(UsageError, match="is no size"):
        _sides("64x32")
