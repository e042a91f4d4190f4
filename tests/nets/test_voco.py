import pytest
import torch

from nets.battery import as_one, check_saved_equals_loaded, make
from vesalius.nets.swinunetr import SwinEncoder
from vesalius.nets.voco import VocoEncoder, VocoHead, VoxelHead

TINY = VocoEncoder(feature_size=12, window=2)


@pytest.mark.parametrize(("size", "width", "numbers"), [(48, 1152, 53.0), (96, 2304, 212.0), (192, 4608, 847.3)])
def test_sizes_b_l_h_by_shapes(size, width, numbers, monkeypatch):
    """145 tensors each, as in MONAI's SwinUNETR, on a device without memory; MONAI reads numbers of a linspace.

    The files are described as 53 M, 206 M and 818 M; L and H count 3 % more here.
    """
    linspace = torch.linspace
    monkeypatch.setattr(torch, "linspace", lambda *ends: linspace(*ends, device="cpu"))
    with torch.device("meta"):
        tensors = VocoEncoder(feature_size=size).make().state_dict()
    assert len(tensors) == 145
    assert VocoEncoder(feature_size=size).width == width
    assert tensors["encoder10.layer.conv1.conv.weight"].shape[:2] == (16 * size, 16 * size)
    counted = sum(tensor.numel() for tensor in tensors.values() if tensor.is_floating_point()) / 1e6
    assert counted == pytest.approx(numbers, rel=0.01)


def test_the_whole_is_the_mean_of_the_five_maps():
    net, maps = make(TINY).eval(), SwinEncoder(width=12, window=2).make().eval()
    maps.load_state_dict(net.state_dict())
    x = torch.randn(1, 1, 64, 32, 32)
    with torch.no_grad():
        whole_BD, places_BLD = net(x)
        expected = torch.cat([cells.mean((2, 3, 4)) for cells in maps(x)], 1)
    torch.testing.assert_close(whole_BD, expected, atol=1e-5, rtol=1e-5)
    assert whole_BD.shape == (1, TINY.width)
    assert places_BLD.shape == (1, 2, TINY.width)
    assert TINY.width == 24 * 12


def test_the_encoder_is_saved_and_loaded(tmp_path):
    check_saved_equals_loaded(TINY, torch.randn(1, 1, 64, 32, 32), tmp_path)


def test_heads():
    """Three linear maps; norms without scale and running statistics, so that rows are compared with each other."""
    head = make(VocoHead(inputs=6, hidden=8, outputs=4))
    assert {name: tuple(x.shape) for name, x in head.state_dict().items()} == {
        "0.weight": (8, 6),
        "0.bias": (8,),
        "3.weight": (8, 8),
        "3.bias": (8,),
        "6.weight": (4, 8),
        "6.bias": (4,),
    }
    x = torch.randn(5, 6)
    assert torch.equal(head.eval()(x), head.train()(x))
    assert as_one(make(VoxelHead(inputs=6, voxels=8))(torch.randn(2, 3, 6))).shape == (2, 3, 8)
    assert VoxelHead(inputs=6, voxels=8).outputs == 8


@pytest.mark.slow
def test_the_encoder_becomes_onnx(tmp_path):
    pytest.importorskip("onnxruntime")
    from vesalius.weights.onnx import export_onnx

    torch.manual_seed(0)
    net = VocoEncoder(inputs=1, feature_size=12, depths=(1, 1, 1, 1)).make().eval()
    parity = export_onnx(net, (1, 64, 64, 64), tmp_path / "voco.onnx", opset=20, within=1e-4, notes={})
    assert parity.largest < 1e-4
