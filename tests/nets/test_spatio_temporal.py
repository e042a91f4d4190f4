import pytest
import torch

from nets.battery import check_saved_equals_loaded, make
from vesalius.errors import ConfigError, UsageError
from vesalius.nets.clinical import clinical_facts
from vesalius.nets.spatio_temporal import SpatioTemporal

SIZES = {"size": (16, 16), "latents": 4, "anchors": ((2, 2),), "width": 32, "heads": 2, "layers": 1}
VQ = {"name": "vq", "codes": 40, "dim": 4}
NETS = {group: SpatioTemporal(**SIZES, group=group, quantizer=VQ) for group in ("frame", "slice", "study")}
NETS["no mean"] = SpatioTemporal(**SIZES, takes_mean=False, quantizer={"name": "fsq", "levels": (5, 8)})
LENGTHS = {"frame": (18, 4), "slice": (3, 20), "study": (1, 40), "no mean": (3, 20)}


def beating(slices=3, frames=6, rows=16, columns=16, seed=0):
    """Slices with a disc that moves, and their means."""
    phase = torch.arange(frames) * (2 * torch.pi / frames)
    radius = (4 + 1.5 * phase.cos())[None, :, None, None] + 0.5 * torch.arange(slices)[:, None, None, None]
    y, x = torch.meshgrid(torch.arange(rows) - 7.5 + seed, torch.arange(columns) - 7.5, indexing="ij")
    x_KTJI = torch.sigmoid(radius - (y**2 + x**2).sqrt())
    return x_KTJI, x_KTJI.mean(1)


@pytest.mark.parametrize("name", NETS)
def test_tokens_of_frames_slices_and_studies(name):
    tokenizer = make(NETS[name]).eval()
    torch.nn.init.normal_(tokenizer.head.pixels.weight, std=0.1)
    torch.nn.init.normal_(tokenizer.out.weight)  # tokens far from zero
    x, mean = beating()
    tokens = tokenizer.encode(x, mean)
    size = tuple(x.shape)
    assert tuple(tokens.shape) == tokenizer.shape(size) == (*LENGTHS[name], 1)
    whole = tokenizer.decode(tokens, mean, size)
    some = tokenizer.decode(tokenizer.prefix(tokens, 3), mean, size)
    assert whole.shape == some.shape == x.shape
    assert not torch.equal(whole, some)
    with torch.no_grad():
        coded = tokenizer(x[None], mean[None], prefix=3)
    assert torch.equal(coded.codes_BL, tokens[..., 0].long())
    assert torch.allclose(coded.x_BCJI[0].clamp(0, 1), some, atol=1e-5)
    assert tokenizer.latents(x[None], mean[None]).shape[:2] == LENGTHS[name]


@pytest.mark.parametrize("size", [(1, 1, 16, 16), (1, 2, 9, 20), (2, 5, 24, 16)])
def test_one_frame_one_slice_and_odd_sizes(size):
    tokenizer = make(NETS["study"]).eval()
    x = torch.rand(size)
    tokens = tokenizer.encode(x, x.mean(1))
    assert tuple(tokens.shape) == tokenizer.shape(size) == (1, min(2, size[0]) * min(5, size[1]) * 4, 1)
    assert tokenizer.decode(tokens, x.mean(1), size).shape == x.shape
    with pytest.raises(UsageError, match="needs the mean of each slice"):
        tokenizer.encode(x, None)


def test_at_first_it_paints_the_mean_frame():
    tokenizer = make(NETS["slice"]).eval()
    x, mean = beating()
    decoded = tokenizer.decode(tokenizer.encode(x, mean), mean, tuple(x.shape))
    assert torch.allclose(decoded, mean[:, None].expand_as(x).clamp(0, 1), atol=1e-6)


@pytest.mark.parametrize("group", ["slice", "study"])
def test_tokens_are_waves_and_the_first_are_slow(group):
    """All waves of a cycle give back what went in; the first ones the slowest part of it."""
    config = NETS[group].model_copy(update={"harmonics": 3, "waves": 3})
    tokenizer = make(config).eval()
    y = torch.randn(2, 3, 6, 4, 32)
    grouped = tokenizer._grouped(y)
    assert torch.allclose(tokenizer._ungrouped(grouped, (2, 3, 6)), y, atol=1e-4)
    first = tokenizer._ungrouped(grouped[:, : grouped.shape[1] // 6], (2, 3, 6))
    spectrum = torch.fft.rfft(first, dim=2).abs().amax((0, 1, 3, 4))
    assert spectrum[1] > 0.1
    assert spectrum[[0, 2, 3]].max() < 1e-4


def test_what_is_known_of_the_patient_changes_the_picture_once_learned():
    tokenizer = make(NETS["slice"]).eval()
    torch.nn.init.normal_(tokenizer.head.pixels.weight, std=0.1)
    x, mean = beating()
    tokens = tokenizer.encode(x, mean)
    plain = tokenizer.decode(tokens, mean, tuple(x.shape))
    tokenizer.facts_F = clinical_facts(height_cm=190, group="DCM")
    assert torch.equal(tokenizer.decode(tokens, mean, tuple(x.shape)), plain)
    torch.nn.init.normal_(tokenizer.clinical.last.weight)
    known = tokenizer.decode(tokens, mean, tuple(x.shape))
    tokenizer.facts_F = None
    unknown = tokenizer.decode(tokens, mean, tuple(x.shape))
    assert not torch.allclose(known, unknown, atol=1e-3)


def test_battery(tmp_path):
    config = NETS["no mean"]
    x = beating()[0]
    check_saved_equals_loaded(config, x[None], tmp_path)
    tokenizer = make(config).eval()
    with torch.no_grad():
        coded = tokenizer(x[None])
        with torch.autocast("cpu", torch.bfloat16):
            rough = tokenizer.restored(coded.z_BLD, (1, *x.shape)).float()
    assert (rough - coded.x_BCJI).abs().max() < 0.05 * coded.x_BCJI.abs().max() + 0.01


@pytest.mark.parametrize("wrong", [{"size": (15, 16)}, {"latents": 5}, {"heads": 3}, {"patch": (8, 8, 8)}])
def test_what_does_not_fit(wrong):
    with pytest.raises(ConfigError, match=r"multiple of the patch|anchors are 4 cells|does not divide|two numbers"):
        SpatioTemporal(**SIZES | wrong)


def test_overfits_two_cycles_that_only_the_tokens_tell_apart():
    tokenizer = make(NETS["slice"]).train()
    x_KTJI, mean_KJI = beating(slices=1, frames=4)
    x_BKTJI = torch.stack([x_KTJI, x_KTJI.roll(2, 1)])  # equal means, opposite motion
    mean_BKJI = mean_KJI.expand(2, -1, -1, -1)
    still = torch.nn.functional.mse_loss(mean_BKJI[:, :, None].expand_as(x_BKTJI), x_BKTJI)
    optimizer = torch.optim.AdamW(tokenizer.parameters(), 3e-3, betas=(0.9, 0.95), fused=True)
    for step in range(75):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, (step + 1) / 20)
        if step == 45:
            tokenizer.quantizer.start(tokenizer.latents(x_BKTJI, mean_BKJI), "test")
        coded = tokenizer(x_BKTJI, mean_BKJI, quantized=step >= 45)
        loss = 0.02 * torch.nn.functional.mse_loss(coded.x_BCJI, x_BKTJI) / still + 0.01 * coded.loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tokenizer.parameters(), 0.5)
        optimizer.step()
    tokenizer.eval()
    size = tuple(x_KTJI.shape)
    tokens = [tokenizer.encode(x, mean_KJI) for x in x_BKTJI]
    decoded = torch.stack([tokenizer.decode(some, mean_KJI, size) for some in tokens])
    assert torch.nn.functional.mse_loss(decoded, x_BKTJI) < 0.1 * still  # 10 dB
    assert torch.nn.functional.mse_loss(decoded.flip(0), x_BKTJI) > still
