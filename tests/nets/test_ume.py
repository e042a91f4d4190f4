import pytest
import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.errors import ConfigError, UsageError
from vesalius.nets.ume import UME, UMESegmenter

ENCODER = UME(inputs=2, size="micro", patch=8, picture=32, max_keyframes=3)
SMALL = UMESegmenter(encoder=ENCODER, outputs=3, channels=8, frames_at_once=4)


def volumes() -> tuple[torch.Tensor, torch.Tensor]:
    """Two volumes of blocks of three classes, whose modalities are noisy functions of the class; (x_BCIJK, target)."""
    draw = torch.Generator().manual_seed(0)
    target = torch.randint(3, (2, 4, 2, 3), generator=draw)
    for axis, side in ((1, 4), (2, 8), (3, 2)):
        target = target.repeat_interleave(side, axis)
    x = torch.stack([target - 1.0, 1.0 - target], 1)
    return x + 0.3 * torch.randn(x.shape, generator=draw), target


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_sizes(frames):
    encoder = make(ENCODER).eval()
    whole, places = encoder(torch.randn(2, 2, 24, 16, frames))
    assert whole.shape == (2, ENCODER.width)
    assert places.shape == (2, 6, ENCODER.width)
    assert ENCODER.width == 24
    x_BCIJK = torch.randn(2, 2, 24, 16, frames)
    assert make(SMALL).eval()(x_BCIJK).shape == (2, 3, 24, 16, frames)


def test_frame_by_frame_equals_the_batch():
    net = make(SMALL).eval()
    x = torch.randn(1, 2, 16, 24, 7)
    with torch.no_grad():
        frames = torch.stack(list(net.frame_by_frame(x)), -1)
        assert (frames - net(x)).abs().max() < 1e-5


def test_a_missing_modality_changes_the_logits_and_not_their_shape():
    net = make(SMALL).eval()
    x = torch.randn(1, 2, 16, 16, 5)
    with torch.no_grad():
        whole, part = net(x), net(x, torch.tensor([[True, False]]))
        assert whole.shape == part.shape
        assert (whole - part).abs().max() > 1e-4
        x[:, 1] = torch.nan  # says the same
        assert torch.equal(net(x), part)
    with pytest.raises(UsageError, match="every modality of a scan is missing"):
        net(torch.full_like(x, torch.nan))


def test_one_missing_voxel_is_a_missing_modality():
    net = make(SMALL).eval()
    x = torch.randn(1, 2, 16, 16, 5)
    x[:, 1, 3, 3, 3] = torch.nan
    with torch.no_grad():
        assert torch.equal(net(x), net(x, torch.tensor([[True, False]])))


def test_the_keyframes_come_with_the_logits():
    net = make(SMALL)
    logits, keyframes = net(torch.randn(2, 2, 16, 16, 5), keyframes=True)
    assert logits.shape == (2, 3, 16, 16, 5)
    assert keyframes.shape == (2, 3, ENCODER.width)
    assert SMALL.divisors == ENCODER.divisors == (8, 8, 1)
    assert SMALL.frames_last


def test_encoder_and_decoder_make_the_net():
    assert UMESegmenter.of(SMALL.encoder, SMALL.decoder).decoder == SMALL.decoder
    torch.manual_seed(0)
    whole = SMALL.make()
    torch.manual_seed(0)
    joined = SMALL.joined(SMALL.encoder.make(), SMALL.decoder.make())
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), joined.state_dict().values(), strict=True)
    )


def test_the_memory_and_the_pixels_matter():
    net = make(SMALL).eval()
    x = torch.randn(1, 2, 16, 16, 12)
    with torch.no_grad():
        before = net(x)
        keyframes = net.encoder.remember(*net.encoder.seen(x.permute(0, 1, 4, 3, 2))).positions_BN[0].long().tolist()
        other = x.clone()
        other[..., keyframes[0]] = 3 * torch.randn(16, 16)
        changed = (net(other) - before).abs().amax((0, 1, 2, 3))
    distant = [frame for frame in range(12) if frame != keyframes[0]]
    assert changed[keyframes[0]] > changed[distant].max() > 0


def test_every_tensor_learns():
    net = make(SMALL)
    net(torch.randn(1, 2, 16, 16, 12), torch.tensor([[True, False]])).square().sum().backward()
    idle = {name for name, part in net.named_parameters() if part.grad is None or not part.grad.abs().sum()}
    assert idle <= {"encoder.positions_PD", "encoder.fusion.to_one.norm_k.bias"}


def test_training_hides_modalities():
    encoder = make(UME(inputs=2, size="micro", patch=8, picture=16, drop_modality=0.5))
    x = torch.randn(16, 2, 1, 8, 8)
    assert not encoder.seen(x)[1].all()
    assert encoder.seen(x)[1].any(1).all()
    assert encoder.eval().seen(x)[1].all()


def test_battery(tmp_path):
    x, target = volumes()
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_bf16(SMALL, x, within=0.1)
    check_overfits(SMALL, x, target, steps=60, below=0.3)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"patch": 12}, "patch 12 is no power of 2"),
        ({"picture": 100}, "picture 100 is no multiple of the patch"),
        ({"compression_ratio": 7}, "compression_ratio must divide 768"),
    ],
)
def test_what_makes_no_net(table, message):
    with pytest.raises(ConfigError, match=message):
        UME.build(inputs=1, **table)


def test_other_sizes():
    with pytest.raises(UsageError, match="the encoder does not take 2 modalities of 16 x 12 pixels"):
        make(ENCODER)(torch.zeros(1, 2, 12, 16, 3))
