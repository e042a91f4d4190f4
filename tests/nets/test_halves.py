import pytest
import torch

from nets.battery import make
from nets.test_titok import SMALL, pictures
from nets.test_titok_tokenizer import NETS
from vesalius.errors import UsageError
from vesalius.nets.halves import half_of
from vesalius.nets.titok import TiTokNet


def test_the_halves_together_are_the_whole():
    net = make(SMALL).eval()
    x = pictures(SMALL)
    encoder, decoder = half_of(net, "encoder"), half_of(net, "decoder")
    assert (encoder.sample, encoder.codes, decoder.sample, decoder.codes) == ((1, 32, 24), None, (6,), 64)
    with torch.no_grad():
        latents, tokens = encoder.net(x)
        assert torch.equal(latents, net.encoder(x))
        assert torch.allclose(decoder.net(tokens), net(x).x_BCJI.clamp(0, 1), atol=1e-5)


def test_of_a_tokenizer_of_scans_and_of_other_sizes():
    tokenizer = make(NETS["slice"]).eval()
    half = half_of(tokenizer, "encoder", (24, 32))
    assert half.sample == (5, 24, 32)
    assert half.net(torch.rand(1, 5, 24, 32))[1].shape == (1, 5)


def test_what_has_no_halves():
    with pytest.raises(UsageError, match="only a TiTok"):
        half_of(torch.nn.Linear(2, 2), "encoder")
    with pytest.raises(UsageError, match="30,24 does not fit patches of 8,8 pixels"):
        half_of(make(SMALL), "encoder", (30, 24))
    gaussian = TiTokNet.parse({**SMALL.model_dump(), "quantizer": {"name": "gaussian"}})
    with pytest.raises(UsageError, match="no integers"):
        half_of(make(gaussian), "decoder")
