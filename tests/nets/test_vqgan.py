import pytest
import torch
from scipy.cluster.vq import vq

from nets.battery import check_saved_equals_loaded, make
from vesalius.errors import ConfigError
from vesalius.nets.vqgan import VqganNet
from vesalius.weights.onnx import export_onnx

SMALL = VqganNet(inputs=1, width=16, groups=8, multiples=(1, 1, 2), dim=8, codes=32)


def test_cells_codes_and_pictures():
    net = make(SMALL).eval()
    assert SMALL.divisor == 4
    x = torch.rand(2, 1, 16, 24)
    painted = net(x)
    assert painted.x_BCJI.shape == x.shape
    assert painted.codes_BL.shape == (2, 24)
    codes_BHW = net.codes(x)
    assert torch.equal(codes_BHW.flatten(1), painted.codes_BL)
    assert torch.allclose(net.decode_tokens(codes_BHW), painted.x_BCJI.clamp(0, 1), atol=1e-5)
    y_BDHW = net.encoder(x).detach()
    for row, column in ((0, 0), (3, 5), (1, 4)):
        nearest = vq(y_BDHW[:, :, row, column].numpy(), net.quantizer.codebook_ND.detach().numpy())[0]
        assert codes_BHW[:, row, column].tolist() == nearest.tolist()


def test_where_the_width_changes_the_shortcut_is_of_the_branch():
    net = make(SMALL).eval()
    block = net.encoder.levels[2][0]
    assert block.shortcut.weight.shape == (32, 32, 1, 1)
    torch.nn.init.zeros_(block.conv2.weight)
    assert not block(torch.randn(1, 16, 4, 4)).any()  # nothing of the input passes by
    equal = net.encoder.levels[1][0]
    torch.nn.init.zeros_(equal.conv2.weight)
    x = torch.randn(1, 16, 4, 4)
    assert torch.equal(equal(x), x)


def test_groups_that_do_not_fit():
    with pytest.raises(ConfigError, match="does not divide into 32 groups"):
        VqganNet(width=24)


def test_battery(tmp_path):
    x = torch.rand(2, 1, 16, 24)
    check_saved_equals_loaded(SMALL, x, tmp_path)
    net = make(SMALL).eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rough = net.encoder(x).float()
    assert (rough - net.encoder(x)).abs().max() < 0.05 * net.encoder(x).abs().max()
    both = torch.nn.Sequential(net.encoder, net.decoder)
    assert export_onnx(both, (1, 16, 24), tmp_path / "both.onnx", within=1e-4).scale > 0.01


def test_overfits_a_few_pictures():
    net = make(SMALL).train()
    torch.manual_seed(0)
    x = torch.nn.functional.interpolate(torch.rand(3, 1, 4, 6), (16, 24), mode="bilinear")
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3, fused=True)
    with torch.no_grad():
        net.quantizer.start(net.encoder(x).flatten(2).transpose(1, 2), 0)
    for step in range(85):
        painted = net(x)
        loss = torch.nn.functional.mse_loss(painted.x_BCJI, x) + 0.1 * painted.loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        net.quantizer.revive("test", step)
    assert torch.nn.functional.mse_loss(net.eval()(x).x_BCJI, x) < 0.1 * x.var()
