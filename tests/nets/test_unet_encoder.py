import torch

from nets.battery import check_bf16, check_saved_equals_loaded, make
from vesalius.nets.unet import UNet
from vesalius.nets.unet_encoder import UNetEncoder
from vesalius.weights.keymap import KeyMap, match

SMALL = UNetEncoder(inputs=2, channels=(4, 8, 16), units=1)
WAY_UP = ["*.2.0.*", "*.2.1.*"]


def test_is_the_way_down_of_the_unet():
    """A U-Net of equal sizes takes its tensors; the ends of its levels are the maps."""
    encoder = make(SMALL).eval()
    whole = make(UNet(dims=3, inputs=2, outputs=3, channels=(4, 8, 16), units=1), 1).eval()
    report = match(encoder.state_dict(), whole, KeyMap(), WAY_UP)
    assert set(report.loaded) == set(encoder.state_dict())
    assert {kind for _, kind in report.allowed} == {"missing"}
    ends = []
    for level in (whole.model[0], whole.model[1].submodule[0], whole.model[1].submodule[1].submodule):
        level.register_forward_hook(lambda module, given, out: ends.append(out))
    x = torch.randn(1, 2, 8, 8, 4)
    with torch.no_grad():
        whole(x)
        assert all(torch.equal(a, b) for a, b in zip(encoder.maps(x), ends, strict=True))
        whole_BD, places_BLD = encoder(x)
    assert (whole_BD.shape, places_BLD.shape) == ((1, 28), (1, 4, 28))
    assert (SMALL.width, SMALL.divisor) == (28, 4)


def test_battery(tmp_path):
    x = torch.randn(2, 2, 8, 8, 8)
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_bf16(SMALL, x, within=0.05)
