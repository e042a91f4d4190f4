import timm
import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.nets.bit import BiT
from vesalius.weights.onnx import export_onnx

SMALL = BiT(inputs=1, depths=(1, 1, 1, 1))
NARROW = BiT(depths=(2, 1, 1, 1), factor=0.125, norm_groups=8)


def test_the_map_is_what_timm_pools():
    net = make(BiT()).eval()
    theirs = timm.create_model("resnetv2_50x1_bit", num_classes=0).eval()
    theirs.load_state_dict(net.state_dict())
    x = torch.randn(2, 3, 64, 96)
    whole, places = net(x)
    assert (whole.shape, places.shape) == ((2, 2048), (2, 6, 2048))
    torch.testing.assert_close(whole, theirs(x))
    torch.testing.assert_close(places.transpose(1, 2).unflatten(2, (2, 3)), theirs.forward_features(x))
    assert (SMALL.dims, SMALL.divisor, SMALL.width) == (2, 32, 2048)


def test_whole_ones_have_as_many_numbers_as_published():
    with torch.device("meta"):
        assert sum(one.numel() for one in BiT().make().parameters()) == 23_500_352
        large = sum(one.numel() for one in BiT(depths=(3, 8, 36, 3), factor=2).make().parameters())
    assert round(large / 1e6, 1) == 232.2


def test_a_narrow_one():
    net = make(NARROW)
    assert NARROW.channels == (32, 64, 128, 256)
    assert net.stem.conv.weight.shape == (8, 3, 7, 7)
    assert {module.num_groups for module in net.modules() if isinstance(module, torch.nn.GroupNorm)} == {8}


def test_battery(tmp_path):
    torch.manual_seed(0)
    target, x = torch.tensor([0, 1, 2, 1]), torch.randn(4, 1, 32, 32)  # kernels of mean zero: no brightness to go by
    to_logits_DN = torch.randn(2048, 3) / 2048**0.5
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_bf16(SMALL, x, within=0.1)
    check_overfits(SMALL, x, target, steps=12, logits=lambda out: out[0] @ to_logits_DN)


def test_onnx_runtime_pads_the_stem_as_torch_does(tmp_path):
    parity = export_onnx(make(NARROW).stem, (3, 16, 16), tmp_path / "a.onnx")
    assert parity.largest < 1e-5 * parity.scale
