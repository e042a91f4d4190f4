import pytest
import torch
from pydantic import ValidationError

from nets.battery import make
from vesalius.errors import ConfigError
from vesalius.nets.bit import BiT
from vesalius.nets.classifier import Classifier
from vesalius.nets.encoder import EncoderNet
from vesalius.nets.table import NETS
from vesalius.nets.unet import UNet
from vesalius.nets.vit import DinoV2, ViT

SMALL = (
    ViT(size="micro", depth=1, inputs=1),
    DinoV2(size="micro", depth=1, inputs=1, side=28),
    BiT(inputs=1, depths=(1, 1, 1, 1)),
)


@pytest.mark.parametrize("config", SMALL, ids=lambda config: type(config).__name__)
def test_every_encoder_gives_the_whole_and_its_places(config):
    rows, columns = 2 * config.divisor, 3 * config.divisor
    with torch.no_grad():
        whole_BD, places_BLD = make(config).eval()(torch.randn(2, config.inputs, rows, columns))
    assert whole_BD.shape == (2, config.width)
    assert places_BLD.shape == (2, 6, config.width)
    assert (config.dims, config.outputs) == (2, None)


def test_the_encoders_of_the_table_are_tested_here():
    named = {NETS.get(name) for name in NETS.names()}
    assert {cls for cls in named if issubclass(cls, EncoderNet)} == {type(config) for config in SMALL}


def test_a_field_for_an_encoder_takes_no_other_network():
    sizes = {"name": "vit", "size": "micro", "depth": 1}
    assert Classifier.parse({"encoder": sizes, "outputs": 2}).encoder == ViT(size="micro", depth=1)
    with pytest.raises(ConfigError, match="encoder: is not an encoder"):
        Classifier.parse({"encoder": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}, "outputs": 2})
    with pytest.raises((ConfigError, ValidationError)):
        Classifier(encoder=UNet(dims=2, inputs=1, outputs=2), outputs=2)
