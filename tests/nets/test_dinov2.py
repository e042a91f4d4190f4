import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.nets.dinov2 import DinoV2

SMALL = DinoV2(size="tiny", depth=2, inputs=1, side=56)


def test_class_and_patches():
    net = make(SMALL).eval()
    class_BD, patches_BLD = net(torch.randn(2, 1, 56, 56))
    assert class_BD.shape == (2, 192)
    assert patches_BLD.shape == (2, 16, 192)
    assert net(torch.randn(1, 1, 28, 70))[1].shape == (1, 10, 192)
    assert net.vit.pos_embed.shape == (1, 17, 192)
    assert {one.eps for one in net.modules() if isinstance(one, torch.nn.LayerNorm)} == {1e-6}
    assert (SMALL.dims, SMALL.divisor, SMALL.width) == (2, 14, 192)


def test_battery(tmp_path):
    torch.manual_seed(0)
    target = torch.randint(0, 3, (4, 4, 4))
    x = (target[:, None] - 1.0).repeat_interleave(14, 2).repeat_interleave(14, 3) + 0.1 * torch.randn(4, 1, 56, 56)
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_bf16(SMALL, x, within=0.05)
    check_overfits(SMALL, x, target.flatten(1), steps=80, logits=lambda out: out[1][..., :3].transpose(1, 2))
