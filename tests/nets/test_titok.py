import pytest
import torch

from nets.battery import check_saved_equals_loaded, make
from vesalius.errors import ConfigError, UsageError
from vesalius.nets.titok import TiTokNet
from vesalius.nets.vqgan import VqganNet

SIZES = {"encoder": "micro", "decoder": "micro", "inputs": 1, "size": (32, 24), "patch": (8, 8)}
VQ = {"name": "vq", "codes": 64, "dim": 6}
SMALL = TiTokNet(**SIZES, latents=6, quantizer=VQ)
ANCHORED = TiTokNet(**SIZES, latents=8, anchors=((1, 2), (3, 2)), quantizer=VQ)
VQGAN = VqganNet(inputs=1, width=16, groups=8, multiples=(1, 1, 1, 2), dim=8, codes=32)
TWO_STAGES = TiTokNet(**SIZES, latents=6, quantizer=VQ, head="codes", codes=32, order="reshaped", vqgan=VQGAN)
ALL = {"free": SMALL, "anchored": ANCHORED, "two stages": TWO_STAGES}
ALL["fsq"] = TiTokNet(**SIZES, latents=6, quantizer={"name": "fsq", "levels": (8, 6)})
ALL["volumes"] = TiTokNet(**SIZES | {"inputs": 3, "size": (4, 16, 16), "patch": (2, 8, 8)}, latents=5, quantizer=VQ)


def pictures(config, count=2, seed=0):
    torch.manual_seed(seed)
    return torch.rand(count, config.inputs, *config.size)


@pytest.mark.parametrize("name", ALL)
def test_shapes_saved_equals_loaded_and_bf16(name, tmp_path):
    config = ALL[name]
    x = pictures(config)
    net = make(config).eval()
    with torch.no_grad():
        coded = net(x)
        assert coded.x_BCJI.shape == x.shape
        assert coded.codes_BL.shape == (2, config.latents)
        assert torch.equal(net.encode(x).codes_BL, coded.codes_BL)
        again = net.decode_tokens(coded.codes_BL)
        assert torch.allclose(again, coded.x_BCJI.clamp(0, 1), atol=1e-5)
        assert torch.allclose(net(x, prefix=3).x_BCJI.clamp(0, 1), net.decode_tokens(coded.codes_BL[:, :3]), atol=1e-5)
        with torch.autocast("cpu", torch.bfloat16):
            rough = net.decode(coded.z_BLD).float()
    assert (rough - coded.x_BCJI).abs().max() <= 0.05 * coded.x_BCJI.abs().max() + 0.01
    check_saved_equals_loaded(config, x, tmp_path)


def test_other_sizes_have_interpolated_positions():
    net = make(SMALL).eval()
    x = torch.rand(1, 1, 48, 40)
    assert net.decode_tokens(net.encode(x).codes_BL, (48, 40)).shape == x.shape


def test_the_second_stage_takes_codebook_and_decoder_of_a_vqgan():
    vqgan, net = make(VQGAN, 5).eval(), make(TWO_STAGES).eval()
    net.take_pixel_decoder(vqgan)
    sure_BNP = torch.full((1, 32, 12), -1e4)
    codes = torch.randint(32, (1, 4, 3))
    sure_BNP.scatter_(1, codes.reshape(1, 1, 12), 1e4)
    assert torch.allclose(net.pixel_decoder(sure_BNP, (4, 3)).clamp(0, 1), vqgan.decode_tokens(codes), atol=1e-5)
    first = make(TWO_STAGES.model_copy(update={"vqgan": None})).eval()
    coded = first(pictures(TWO_STAGES))
    assert coded.logits_BNP.shape == (2, 32, 12)
    assert not coded.x_BCJI.numel()
    with pytest.raises(UsageError, match="only codes of a VQGAN"):
        first.decode_tokens(coded.codes_BL)
    with pytest.raises(ValueError, match="no pixel decoder"):
        first.take_pixel_decoder(vqgan)


def test_what_does_not_fit():
    for wrong, words in (
        ({"size": (30, 24)}, "not a multiple of the patch"),
        ({"anchors": ((2, 2),)}, "the anchors are 4 cells, latents is 6"),
        ({"anchors": ((1, 2, 3),)}, "anchors need 2 numbers"),
        ({"vqgan": VQGAN}, "needs the head codes"),
        ({"vqgan": VQGAN, "head": "codes", "codes": 33}, "the vqgan has 32 codes, the head 33"),
        ({"vqgan": VQGAN, "head": "codes", "codes": 32, "patch": (4, 4)}, "no cell of the vqgan"),
    ):
        with pytest.raises(ConfigError, match=words):
            TiTokNet(**SIZES | {"latents": 6, "quantizer": VQ} | wrong)
    net = make(SMALL).eval()
    with pytest.raises(UsageError, match="7 tokens are given, a picture has 6"):
        net.decode_tokens(torch.zeros(1, 7, dtype=torch.long))
    with pytest.raises(UsageError, match="not a multiple of the patch"):
        net.decode_tokens(torch.zeros(1, 6, dtype=torch.long), (30, 24))
    gaussian = make(
        SMALL.model_copy(update={"quantizer": TiTokNet.parse({"quantizer": {"name": "gaussian"}}).quantizer})
    )
    with pytest.raises(UsageError, match="no integers"):
        gaussian.decode_tokens(torch.zeros(1, 6, dtype=torch.long))


def bright_and_dark():
    """Four pictures of soft bright and dark fields, which have little in common."""
    fields = (torch.rand(4, 1, 4, 3, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    return torch.nn.functional.interpolate(fields, (32, 24), mode="bilinear")


def train(net, loss_of, steps, rate=1e-3):
    """Steps at a rate that grows over the first 20; at full rate at once a net stays at the mean of all pictures."""
    optimizer = torch.optim.AdamW(net.parameters(), rate, betas=(0.9, 0.95), fused=True)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1, (step + 1) / 20)
        optimizer.zero_grad()
        loss_of(step).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        optimizer.step()


def test_overfits_a_few_pictures_after_a_continuous_warm_up():
    net, x = make(ANCHORED).train(), bright_and_dark()

    def loss_of(step):
        if step == 50:
            net.quantizer.start(net.encoder(x), "test")
        coded = net(x, quantized=step >= 50)
        return torch.nn.functional.mse_loss(coded.x_BCJI, x) + 0.02 * coded.loss

    train(net, loss_of, 85)
    with torch.no_grad():
        codes_BL = net.eval().encode(x).codes_BL
        error = torch.nn.functional.mse_loss(net.decode_tokens(codes_BL), x)
        others = torch.nn.functional.mse_loss(net.decode_tokens(codes_BL.roll(1, 0)), x)
    assert error < 0.25 * x.var()
    assert others > 4 * error  # the tokens tell the pictures apart


@pytest.mark.slow
def test_two_stages_overfit_a_few_pictures():
    x = bright_and_dark()
    vqgan, net = make(VQGAN).train(), make(TWO_STAGES).train()
    with torch.no_grad():
        vqgan.quantizer.start(vqgan.encoder(x).flatten(2).transpose(1, 2), 0)

    def painted(step):
        vqgan.quantizer.revive("test", step)
        coded = vqgan(x)
        return torch.nn.functional.mse_loss(coded.x_BCJI, x) + 0.1 * coded.loss

    train(vqgan, painted, 150, 4e-3)
    wanted_BP = vqgan.eval().codes(x).flatten(1)
    net.take_pixel_decoder(vqgan)

    def first(step):
        if step == 80:
            net.quantizer.start(net.encoder(x), "test")
        coded = net(x, quantized=step >= 80)
        return torch.nn.functional.cross_entropy(coded.logits_BNP, wanted_BP) + 0.1 * coded.loss

    train(net, first, 140)
    with torch.no_grad():
        coded = net.eval()(x)
        assert (coded.logits_BNP.argmax(1) == wanted_BP).float().mean() > 0.9
        before = torch.nn.functional.mse_loss(coded.x_BCJI, x)
    for part in (net.encoder, net.quantizer):
        part.requires_grad_(False)
    trained = torch.nn.ModuleList([net.decoder, net.head, net.pixel_decoder])
    train(trained, lambda _: torch.nn.functional.mse_loss(net(x).x_BCJI, x), 40)
    with torch.no_grad():
        codes_BL = net.encode(x).codes_BL
        assert torch.equal(codes_BL, coded.codes_BL)
        after = torch.nn.functional.mse_loss(net.decode_tokens(codes_BL), x)
    assert after < before
    assert after < 0.1 * x.var()
