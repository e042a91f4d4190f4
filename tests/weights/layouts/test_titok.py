"""Expected values: bytedance/1d-tokenizer at commit 942a96f, run by hand with the numbers of `titok_numbers`."""

import json
from pathlib import Path

import pytest
import torch

import vesalius
from vesalius.errors import InputError
from vesalius.nets.table import NETS
from vesalius.weights.keymap import match
from vesalius.weights.layouts.table import LAYOUTS
from vesalius.weights.saved import from_pretrained
from weights.layouts.titok_numbers import checkpoint, digest, picture, titok_shapes, vqgan_shapes

FROZEN = json.loads((Path(__file__).parents[1] / "golden" / "titok.json").read_text())
"""For each name the tokens of `picture` and some numbers of what they decode to; "small": with fewer layers, narrower
ones and a picture of 64 pixels, by the same code with other sizes in its tables."""
VQGAN = {"width": 128, "multiples": (1, 1, 2, 2, 4), "dim": 256, "codes": 1024}
SMALL_VQGAN = {"width": 32, "multiples": (1, 1, 2, 2, 4), "dim": 16, "codes": 64}
TWO_STAGES = ("titok-s128", "titok-b64", "titok-l32")
SMALL_CODES = {"titok-l32": 128, "titok-bl64-vq8k": 256, "titok-ll32-vae": 0}


def full(name):
    """Checkpoint and network of a layout."""
    table = dict(LAYOUTS.get(name).net)
    config = NETS.get(table.pop("name")).build(**table)
    if name == "maskgit-vqgan":
        return checkpoint(vqgan_shapes(**VQGAN)), config
    codes, dim = getattr(config.quantizer, "codes", 0), config.quantizer.width
    vqgan = VQGAN if config.vqgan else None
    shapes = titok_shapes(config.encoder, config.decoder, config.latents, codes=codes, dim=dim, vqgan=vqgan)
    return checkpoint(shapes), config


def small(name):
    """The same with a micro transformer of 8 tokens, a small VQGAN and pictures of 64 pixels."""
    table = dict(LAYOUTS.get(name).net)
    net = NETS.get(table.pop("name"))
    if name == "maskgit-vqgan":
        return checkpoint(vqgan_shapes(**SMALL_VQGAN)), net.build(**(table | SMALL_VQGAN))
    two, codes = name in TWO_STAGES, SMALL_CODES[name]
    quantizer = table["quantizer"] | ({"codes": codes} if codes else {})
    sizes = {"encoder": "micro", "decoder": "micro", "latents": 8, "size": (64, 64), "quantizer": quantizer}
    if two:
        sizes |= {"codes": 64, "vqgan": table["vqgan"] | SMALL_VQGAN}
    config = net.build(**(table | sizes))
    vqgan = SMALL_VQGAN if two else None
    shapes = titok_shapes("micro", "micro", 8, grid=4, codes=codes, dim=quantizer["dim"], vqgan=vqgan)
    return checkpoint(shapes), config


def check(name, state, config, x, wanted):
    net = config.make().eval()
    report = match(state, net, LAYOUTS.get(name).keymap)
    assert (report.missing, report.unexpected, report.shapes, report.allowed, report.dropped) == ((), (), (), (), ())
    assert len(report.loaded) == len(net.state_dict())
    assert report.parameters == sum(tensor.numel() for tensor in state.values()) + usage(net)
    with torch.no_grad():
        if "latents" in wanted:
            y_BLE = net.encoder(x)
            mean_BLD, log_variance_BLD = y_BLE.transpose(1, 2).chunk(2, 1)
            for got, key in ((mean_BLD, "latents"), (log_variance_BLD, "logvar")):
                assert digest(got) == pytest.approx(wanted[key], abs=2e-4)
            z_BLD = net.encode(x).z_BLD
            assert digest(net.decode(z_BLD)) == pytest.approx(wanted["picture"], abs=2e-4)
        elif name == "maskgit-vqgan":
            codes_BHW = net.codes(x)
            assert codes_BHW.flatten().tolist() == wanted["tokens"]
            z_BDHW = net.quantizer.lookup(codes_BHW).permute(0, 3, 1, 2)
            assert digest(net.decoder(z_BDHW)) == pytest.approx(wanted["picture"], abs=2e-4)
        else:
            codes_BL = net.encode(x).codes_BL
            assert codes_BL.flatten().tolist() == wanted["tokens"]
            decoded = net.decode(net.quantizer.lookup(codes_BL))
            assert digest(decoded) == pytest.approx(wanted["picture"], abs=2e-4)


def usage(net):
    return sum(tensor.numel() for name, tensor in net.state_dict().items() if name.endswith("usage_N"))


@pytest.mark.parametrize("name", FROZEN["small"])
def test_tokens_and_pictures_are_those_of_the_published_code(name):
    state, config = small(name)
    check(name, state, config, picture(64), FROZEN["small"][name])


@pytest.mark.slow
@pytest.mark.parametrize("name", FROZEN["full"])
def test_tokens_and_pictures_at_the_published_sizes(name):
    state, config = full(name)
    check(name, state, config, picture(256), FROZEN["full"][name])


def test_import_by_name_and_sizes_makes_a_model_folder(tmp_path):
    state, config = small("titok-l32")
    torch.save(state, tmp_path / "l32.bin")
    sizes = ["encoder=micro", "decoder=micro", "latents=8", "size=[64,64]", "quantizer.codes=128", "codes=64"]
    sizes += [f"vqgan.{key}={list(value) if key == 'multiples' else value}" for key, value in SMALL_VQGAN.items()]
    done = vesalius.import_weights(tmp_path / "l32.bin", "titok-l32", tmp_path / "l32", sizes, licence="Apache-2.0")
    assert done.net == config.model_dump(mode="json")
    assert not done.report["missing"]
    assert not done.report["unexpected"]
    net = from_pretrained(tmp_path / "l32").net
    with torch.no_grad():
        assert net.encode(picture(64)).codes_BL.flatten().tolist() == FROZEN["small"]["titok-l32"]["tokens"]


def test_a_checkpoint_of_another_size_is_refused():
    state, config = small("titok-bl64-vq8k")
    net = config.model_copy(update={"latents": 9}).make()
    with pytest.raises(InputError, match=r"does not fit the network: .*latent_positions_LW"):
        match(state, net, LAYOUTS.get("titok-bl64-vq8k").keymap)
    del state["decoder.mask_token"]
    with pytest.raises(InputError, match=r"does not fit the network: .*decoder\.mask_1W"):
        match(state, config.make(), LAYOUTS.get("titok-bl64-vq8k").keymap)
