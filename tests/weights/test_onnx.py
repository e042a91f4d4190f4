import importlib.util

import pytest
import torch
from torch import nn

from vesalius.errors import MissingExtraError, UsageError
from vesalius.nets.vit import ViT
from vesalius.weights import onnx as ours
from vesalius.weights.onnx import export_onnx

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="onnx is not installed",
)


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(256, 3)
    )


@needs_onnx
def test_the_file_gives_what_the_net_gives_at_any_batch(tmp_path):
    import onnx
    import onnxruntime

    net, path = small(), tmp_path / "a.onnx"
    parity = export_onnx(net, (1, 8, 8), path, opset=18, notes={"config": "{}"})
    assert parity.largest < 1e-5 < parity.scale
    assert parity.outputs == {"output": ("B", 3)}
    x = torch.randn(7, 1, 8, 8)
    (got,) = onnxruntime.InferenceSession(str(path)).run(None, {"x": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(got), net(x).detach(), atol=1e-5, rtol=1e-5)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import if one.domain == ""] == [("", 18)]
    assert {one.key: one.value for one in model.metadata_props}["config"] == "{}"
    assert [one.name for one in tmp_path.iterdir()] == ["a.onnx"]


@needs_onnx
def test_a_transformer_with_two_outputs(tmp_path):
    torch.manual_seed(0)
    net = ViT(size="tiny", depth=1).make()
    parity = export_onnx(net, (3, 32, 48), tmp_path / "vit.onnx")
    assert parity.outputs == {"output_0": ("B", 192), "output_1": ("B", 6, 192)}
    assert parity.largest < 1e-4


@needs_onnx
def test_other_numbers_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"differs from the network by up to .* more than 1e-12"):
        export_onnx(small(), (1, 8, 8), tmp_path / "a.onnx", within=1e-12)


@needs_onnx
def test_what_cannot_be_exported_is_one_line(tmp_path):
    class Fickle(nn.Module):
        def forward(self, x):
            return x + 1 if x.sum().item() > 0 else x.tolist()

    with pytest.raises(UsageError, match="cannot be exported"):
        export_onnx(Fickle(), (1, 2, 2), tmp_path / "a.onnx")


@needs_onnx
def test_a_size_that_the_net_does_not_take_is_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"^--size: the network does not take an image of 2,2 \(") as caught:
        export_onnx(small(), (1, 2, 2), tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"vesalius\[onnx\]"):
        export_onnx(small(), (1, 8, 8), tmp_path / "a.onnx")
