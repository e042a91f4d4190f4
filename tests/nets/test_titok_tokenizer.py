import pytest
import torch

from nets.battery import make
from vesalius.errors import ConfigError
from vesalius.nets.titok import TiTokNet
from vesalius.nets.titok_tokenizer import TiTokTokens
from vesalius.nets.tokenizer import Tokenizer
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

SIZES = {
    "encoder": "micro",
    "decoder": "micro",
    "patch": (8, 8),
    "size": (16, 24),
    "quantizer": {"name": "vq", "codes": 50},
}
NETS = {
    "frame": TiTokTokens(net=TiTokNet(**SIZES, inputs=1, latents=5)),
    "colours": TiTokTokens(net=TiTokNet(**SIZES, inputs=3, latents=5)),
    "slice": TiTokTokens(net=TiTokNet(**SIZES, inputs=5, latents=5), group="slice", harmonics=2),
    "study": TiTokTokens(
        net=TiTokNet(**SIZES | {"size": (4, 16, 24), "patch": (2, 8, 8)}, inputs=5, latents=5),
        group="study",
        harmonics=2,
    ),
}
GROUPS = {"frame": lambda k, t: k * t, "colours": lambda k, t: k * t, "slice": lambda k, t: k, "study": lambda k, t: 1}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("size", [(3, 6, 13, 24), (1, 1, 16, 7)])
def test_any_size_and_any_prefix(name, size):
    tokenizer = make(NETS[name]).eval()
    assert isinstance(tokenizer, Tokenizer)
    assert not tokenizer.takes_mean
    x = torch.rand(size, generator=torch.Generator().manual_seed(0))
    tokens = tokenizer.encode(x, None)
    assert tokens.dtype == torch.int32
    assert tuple(tokens.shape) == tokenizer.shape(size) == (GROUPS[name](*size[:2]), 5, 1)
    assert tokenizer.grid(size) == (1, 5)
    assert {key: value.tolist() for key, value in tokenizer.tables().items()} == {"codes": [50]}
    values = tokenizer.values(tokens, 0)
    assert values.shape == (*tokens.shape[:2], tokenizer.width)
    assert torch.equal(values[0, 1], tokenizer.quantizer.codebook_ND[tokens[0, 1, 0]])
    for count in (1, 5):
        decoded = tokenizer.decode(tokenizer.prefix(tokens, count), None, size)
        assert decoded.shape == x.shape
        assert 0 <= decoded.min() <= decoded.max() <= 1
    again = tokenizer.decode(tokens, None, size)
    assert torch.equal(again, decoded)


@pytest.mark.parametrize("name", NETS)
def test_pictures_and_scan_are_inverse_up_to_the_harmonics(name):
    tokenizer = make(NETS[name]).eval()
    phase = torch.arange(12) * (2 * torch.pi / 12)
    weights = torch.rand(5, generator=torch.Generator().manual_seed(0))
    slow = weights[0] + weights[1] * phase.cos() + weights[2] * phase.sin() + weights[3] * (2 * phase).cos()
    x = slow[None, :, None, None] * torch.rand(3, 1, 16, 24)
    with torch.no_grad():
        assert torch.allclose(tokenizer.scan(tokenizer.pictures(x), (3, 12, 16, 24)), x, atol=1e-5)


def test_training_sees_what_decoding_gives():
    tokenizer = make(NETS["slice"]).eval()
    x = torch.rand(2, 3, 6, 16, 24)
    with torch.no_grad():
        coded = tokenizer(x, prefix=4)
        assert coded.x_BCJI.shape == x.shape
        assert coded.codes_BL.shape == tokenizer.latents(x).shape[:2] == (6, 5)
        tokens = tokenizer.encode(x[1], None)
        assert torch.equal(tokens[..., 0].long(), coded.codes_BL[3:])
        wanted = tokenizer.decode(tokens[:, :4], None, (3, 6, 16, 24))
    assert torch.allclose(coded.x_BCJI[1].clamp(0, 1), wanted, atol=1e-5)


def test_a_model_folder(tmp_path):
    tokenizer = make(NETS["study"]).eval()
    save_pretrained(tmp_path, {"tokenizer": tokenizer}, ModelConfig.of("tokenize", {"tokenizer": NETS["study"]}))
    loaded = from_pretrained(tmp_path, "tokenize").net
    x = torch.rand(3, 6, 16, 24)
    assert torch.equal(loaded.encode(x, None), tokenizer.encode(x, None))


def test_what_does_not_fit():
    plain = TiTokNet(**SIZES, inputs=3, latents=5)
    for wrong, words in (
        ({"group": "slice", "harmonics": 2}, "must take 5 channels"),
        ({"harmonics": 1}, "frames have no harmonics"),
        ({"group": "study", "harmonics": 1}, "one of volumes"),
        ({"net": plain.model_copy(update={"head": "codes"})}, "gives no pictures"),
    ):
        with pytest.raises(ConfigError, match=words):
            TiTokTokens(**{"net": plain} | wrong)
    with pytest.raises(ConfigError, match="no integers"):
        TiTokTokens(net=TiTokNet(**SIZES | {"quantizer": {"name": "gaussian"}}, latents=5))
