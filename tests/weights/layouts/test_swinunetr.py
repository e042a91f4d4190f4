import pytest
import torch

from vesalius.errors import InputError
from vesalius.nets.swinunetr import SwinEncoder, SwinUNETR
from vesalius.nets.voco import VocoEncoder
from vesalius.weights.keymap import match
from vesalius.weights.layouts.swinunetr import VOCO, VOCO_ENCODER, VOCOMNI

TINY = SwinEncoder(inputs=1, width=12)


def some_state(config=TINY, seed=0):
    """Names and shapes of MONAI's own SwinUNETR, encoder only, random numbers."""
    from monai.networks.nets import SwinUNETR as Monai

    torch.manual_seed(seed)
    sizes = {"in_channels": config.inputs, "feature_size": config.width, "window_size": config.window}
    whole = Monai(**sizes, out_channels=2, use_v2=True).state_dict()
    return {name: tensor for name, tensor in whole.items() if name.startswith(("swinViT", "encoder"))}


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.backbone."])
@pytest.mark.parametrize("swin", ["swinViT", "swin_vit"])
@pytest.mark.parametrize("wrapper", [None, "state_dict"])
def test_every_dress_of_the_file_fits(prefix, swin, wrapper):
    """Acceptance: 145 tensors, nothing missing or unexpected."""
    plain = some_state()
    assert len(plain) == 145
    given = {prefix + name.replace("swinViT", swin): tensor for name, tensor in plain.items()}
    net = TINY.make()
    report = match(given if wrapper is None else {wrapper: given, "epoch": 3}, net, VOCO.keymap)
    assert report.counts() == {
        "loaded": 145,
        "missing": 0,
        "unexpected": 0,
        "shapes": 0,
        "allowed": 0,
        "dropped": 0 if wrapper is None else 1,
        "changed": 0,
    }
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in plain.items())


def test_heads_are_left_out_and_said():
    state = some_state() | {"student.layer1.weight": torch.zeros(2), "teacher.layer1.weight": torch.zeros(2)}
    report = match(state, TINY.make(), VOCO.keymap)
    assert dict(report.dropped) == {
        "student.layer1.weight": "projection head of the pre-training",
        "teacher.layer1.weight": "momentum teacher of the pre-training",
    }


def test_a_state_of_the_training_of_2024_gives_its_student():
    """Student and teacher are whole networks there, each with its head."""
    student, teacher = some_state(seed=1), some_state(seed=2)
    state = {f"student.{name}": x for name, x in student.items()} | {
        f"teacher.{name}": x for name, x in teacher.items()
    }
    state |= {f"{who}.proj_head.layer1.0.weight": torch.zeros(2) for who in ("student", "teacher")}
    net = VocoEncoder(feature_size=12).make()
    report = match({"state_dict": state}, net, VOCO_ENCODER.keymap)
    assert (len(report.loaded), len(report.dropped)) == (145, 145 + 2)
    assert all(torch.equal(net.state_dict()[name], x) for name, x in student.items())


def test_the_encoder_of_vectors_and_the_whole_network_take_the_files():
    assert VOCO_ENCODER.net["name"] == "voco"
    report = match(some_state(), VocoEncoder(feature_size=12).make(), VOCO_ENCODER.keymap)
    assert report.counts()["loaded"] == 145
    whole = SwinUNETR(inputs=1, outputs=21, width=12).make()
    given = {f"module.{name}": x for name, x in whole.state_dict().items()}
    assert match(given, whole, VOCOMNI.keymap).counts()["loaded"] == 167


def test_four_channels_give_what_one_gave():
    """Acceptance: the three kernels that see the image are inflated, an image repeated in all channels is unchanged."""
    one, four = (SwinEncoder(inputs=inputs, width=12, window=2) for inputs in (1, 4))
    one_net, four_net = one.make().eval().double(), four.make().eval().double()
    match(some_state(one), one_net, VOCO.keymap)
    report = match(some_state(one), four_net, VOCO.keymap)
    assert {name for name, _ in report.changed} == {
        "swinViT.patch_embed.proj.weight",
        "encoder1.layer.conv1.conv.weight",
        "encoder1.layer.conv3.conv.weight",
    }
    x = torch.randn(1, 1, 64, 32, 32, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        for a, b in zip(one_net(x), four_net(x.repeat(1, 4, 1, 1, 1)), strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


def test_another_width_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"of another shape \(swinViT.patch_embed.proj.weight is 12x1x2x2x2 instead"):
        match(some_state(), SwinEncoder(width=24).make(), VOCO.keymap)


def test_into_the_whole_network_only_when_the_decoder_is_named():
    whole = SwinUNETR(inputs=1, outputs=3, width=12)
    net = whole.make()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(InputError, match="22 missing"):
        match(some_state(seed=4), net, VOCO.keymap)
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())
    report = match(some_state(seed=4), net, VOCO.keymap, ["decoder*", "out.*"])
    assert len(report.allowed) == 22
    assert {kind for _, kind in report.allowed} == {"missing"}
    assert torch.equal(net.state_dict()["out.conv.conv.weight"], before["out.conv.conv.weight"])
    assert not torch.equal(
        net.state_dict()["encoder2.layer.conv1.conv.weight"], before["encoder2.layer.conv1.conv.weight"]
    )
