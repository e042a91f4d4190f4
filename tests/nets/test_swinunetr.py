import torch

from nets.battery import as_one, check_bf16, check_overfits, check_saved_equals_loaded, make
from nets.test_unet import blocks
from vesalius.nets.swinunetr import SwinEncoder, SwinUNETR

SMALL = SwinUNETR(dims=2, inputs=1, outputs=3, width=12, window=4)
ENCODER = SwinEncoder(dims=2, inputs=1, width=12, window=4)


def test_maps_of_the_encoder():
    config = SwinEncoder(inputs=2, width=12, window=2)
    maps = make(config).double()(torch.zeros(1, 2, 64, 32, 32).double())  # 3D starts faster in 64 bits
    grids = [(64, 32, 32), (32, 16, 16), (16, 8, 8), (8, 4, 4), (2, 1, 1)]
    assert [one.shape for one in maps] == [(1, 12 * n, *grid) for n, grid in zip((1, 1, 2, 4, 16), grids, strict=True)]


def test_the_encoder_is_a_part_of_the_whole():
    whole, encoder = make(SMALL).eval(), make(ENCODER, 1).eval()
    tensors = whole.state_dict()
    assert set(encoder.state_dict()) == {name for name in tensors if name.startswith(("swinViT.", "encoder"))}
    encoder.load_state_dict({name: tensors[name] for name in encoder.state_dict()})
    x = torch.randn(1, 1, 64, 64)
    told = []
    parts = [whole.encoder1, whole.encoder2, whole.encoder3, whole.encoder4, whole.encoder10]
    for part in parts:
        part.register_forward_hook(lambda module, given, out: told.append(out))
    with torch.no_grad():
        assert whole(x).shape == (1, 3, 64, 64)
        for a, b in zip(encoder(x), told, strict=True):  # attention in parts rounds differently
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_as_large_as_published():
    """VoComni_B: 72.8 M numbers in 167 tensors, 145 of them and 54.1 M (indices among them) in the encoder, VoCo_B."""
    base = SwinUNETR(inputs=1, outputs=21).make().state_dict()
    encoder = {name: one for name, one in base.items() if name.startswith(("swinViT.", "encoder"))}
    assert (len(base), len(encoder)) == (167, 145)
    assert round(sum(one.numel() for one in encoder.values()) / 1e6, 1) == 54.1
    assert round(sum(one.numel() for one in base.values() if one.is_floating_point()) / 1e6, 1) == 72.8


def test_battery(tmp_path):
    x, target = blocks()
    x, target = (one.repeat_interleave(4, -1).repeat_interleave(4, -2) for one in (x, target))
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_saved_equals_loaded(ENCODER, x, tmp_path)
    check_bf16(SMALL, x, within=0.1)
    check_overfits(SMALL, x[:2], target[:2], steps=15, below=0.6)
    assert as_one(make(ENCODER)(x)).ndim == 1
