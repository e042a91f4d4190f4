import sys

import pytest
import torch

from vesalius.errors import InputError, MissingExtraError
from vesalius.nets.net import build
from vesalius.nets.vae_folder import VaeFolder

FACTORS = {"scaling_factor": 1.5, "shift_factor": 0.25}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    model = diffusers.AutoencoderKL(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=2, norm_num_groups=4, **FACTORS,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("vae")
    model.save_pretrained(path)
    return path


def read(path, **changes):
    return build(VaeFolder(**{"folder": str(path), "outputs": 2, "divisor": 2, **changes}))


def test_latents_are_those_of_diffusers(folder):
    from diffusers import AutoencoderKL

    net, x = read(folder), torch.rand(2, 3, 8, 12) * 2 - 1
    model = AutoencoderKL.from_pretrained(folder).eval()
    with torch.no_grad():
        mean = model.encode(x).latent_dist.mean
        z = net.encode(x)
        assert z.shape == (2, 2, 4, 6)
        torch.testing.assert_close(z, (mean - 0.25) * 1.5)
        torch.testing.assert_close(net.decode(z), model.decode(mean).sample, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(net(x), net.decode(z))
    assert list(net.state_dict()) == ["digest"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"divisor": 8}, "its divisor is 2, not 8; set divisor=2"),
        ({"outputs": 4}, "its outputs is 2, not 4"),
        ({"inputs": 1}, "its inputs is 3, not 1"),
        ({"folder": "/none"}, "/none: is not a folder"),
    ],
)
def test_settings_that_do_not_fit(folder, changes, words):
    with pytest.raises(InputError, match=words):
        read(folder, **changes)


def test_a_folder_that_diffusers_cannot_read_is_one_line(tmp_path):
    pytest.importorskip("diffusers")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "diffusion_pytorch_model.safetensors").write_bytes(b"none")
    with pytest.raises(InputError, match="cannot be read by diffusers") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_one_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vesalius\[diffusion\]'"):
        VaeFolder(folder=str(folder)).make()
