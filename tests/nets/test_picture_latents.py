import pytest

from vesalius.config import Config
from vesalius.errors import ConfigError
from vesalius.nets.picture_latents import AnyLatents
from vesalius.nets.vae_folder import VaeFolder


class Holder(Config):
    latents: AnyLatents


def test_a_field_takes_autoencoders_of_pictures_alone():
    held = Holder.parse({"latents": {"name": "vae-folder", "folder": "x"}}).latents
    assert held == VaeFolder(folder="x")
    assert (held.dims, held.inputs, held.outputs, held.divisor) == (2, 3, 4, 8)
    with pytest.raises(ConfigError, match="latents: is no autoencoder of pictures"):
        Holder.parse({"latents": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}})
