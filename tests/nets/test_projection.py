import torch
from torch.nn import functional

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.nets.projection import Projection
from vesalius.weights.onnx import export_onnx


def test_layers_by_hand():
    """SimCLR v2's head: width kept, then 128; batch norm in training mode; the last without bias."""
    net = make(Projection(inputs=8, outputs=4, layers=3))
    x = torch.randn(16, 8)
    hidden = x
    for linear, norm in ((net[0], net[1]), (net[3], net[4]), (net[6], net[7])):
        hidden = hidden @ linear.weight.T
        hidden = (hidden - hidden.mean(0)) / (hidden.var(0, correction=0) + 1e-5).sqrt() * norm.weight
        if norm is not net[7]:
            hidden = (hidden + norm.bias).clamp(min=0)
    torch.testing.assert_close(net(x), hidden, atol=1e-5, rtol=1e-5)
    assert net[0].weight.shape == (8, 8)
    assert net[0].bias is None
    assert net[7].bias is None


def test_one_layer_and_the_usual_sizes():
    assert [type(module).__name__ for module in make(Projection(inputs=8, layers=1))] == ["Linear", "BatchNorm1d"]
    net = make(Projection(inputs=256))
    assert (Projection(inputs=256).outputs, len(net)) == (128, 5)
    assert abs(float(net[0].weight.detach().std()) - 0.01) < 1e-3


def test_battery(tmp_path):
    torch.manual_seed(0)
    config, x = Projection(inputs=16, outputs=3), torch.randn(4, 16)
    check_saved_equals_loaded(config, x, tmp_path)
    check_bf16(config, x, within=0.1)
    check_overfits(config, x, torch.tensor([0, 1, 2, 1]), steps=150, logits=lambda z: 5 * functional.normalize(z))
    net = make(config)
    net(torch.randn(64, 16))
    assert export_onnx(net, (16,), tmp_path / "a.onnx").largest < 1e-5
