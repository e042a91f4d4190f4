"""export as a user calls it."""

import pytest

from tasks.weights.models import model_at


def test_export(vesalius, tmp_path):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    folder = model_at(tmp_path / "tiny")
    words = ("export", folder, "--format", "onnx", "-o", tmp_path / "tiny.onnx", "--size", "16,16")
    done = vesalius(*words)
    assert (done.code, done.err) == (0, "")
    assert "ONNX Runtime differs by at most" in done.out
    assert "exists already" in vesalius(*words).error
    assert vesalius(*words, "--size", "64x32").error.startswith(
        "--size: '64x32' is not a list of comma-separated numbers"
    )
    assert vesalius(*words, "--force", "--json").told["opset"] == 20
