import pytest
import torch
from safetensors.torch import save_file

from vesalius.errors import InputError
from vesalius.nets.net import build
from vesalius.nets.vae_maisi import VaeMaisi

SIZES = {"channels": (8, 8), "blocks": 1, "groups": 4, "outputs": 2}


def theirs():
    from monai.apps.generation.maisi.networks.autoencoderkl_maisi import AutoencoderKlMaisi

    torch.manual_seed(0)
    return AutoencoderKlMaisi(
        spatial_dims=3, in_channels=1, out_channels=1, num_res_blocks=(1, 1), num_channels=(8, 8),
        attention_levels=(False, False), latent_channels=2, norm_num_groups=4, num_splits=1,
    ).eval()  # fmt: skip


@pytest.mark.parametrize("kind", ["pt", "safetensors", "wrapped"])
def test_a_slice_is_a_slab_of_equal_slices(tmp_path, kind):
    model, path = theirs(), tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pt")
    state = model.state_dict()
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save({"unet_state_dict": state} if kind == "wrapped" else state, path)
    net, x = build(VaeMaisi(weights=str(path), **SIZES, scale=2.0)), torch.rand(2, 1, 8, 12) * 2 - 1
    z = net.encode(x)
    assert z.shape == (2, 2, 4, 6)
    with torch.no_grad():
        mean = model.encode(((x + 1) / 2)[..., None].repeat(1, 1, 1, 1, 2))[0]
        torch.testing.assert_close(z, 2 * mean[..., 0])
        torch.testing.assert_close(net.decode(z), 2 * model.decode(mean).mean(-1) - 1)
    assert list(net.state_dict()) == ["digest"]


def test_files_that_hold_no_such_autoencoder(tmp_path):
    path = tmp_path / "w.pt"
    with pytest.raises(InputError, match="is no file"):
        build(VaeMaisi(weights=str(path), **SIZES))
    path.write_bytes(b"none")
    with pytest.raises(InputError, match="is not a readable weights file"):
        build(VaeMaisi(weights=str(path), **SIZES))
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="holds more than tensors"):
        build(VaeMaisi(weights=str(path), **SIZES))
    torch.save(theirs().state_dict(), path)
    with pytest.raises(InputError, match="does not hold the tensors"):
        build(VaeMaisi(weights=str(path), **{**SIZES, "blocks": 2}))
