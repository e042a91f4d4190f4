import pytest

from vesalius.config import Config
from vesalius.errors import ConfigError
from vesalius.nets.text import AnyText
from vesalius.nets.text_bytes import TextBytes


class Holder(Config):
    text: AnyText


def test_a_field_takes_encoders_of_text_alone():
    assert Holder.parse({"text": {"name": "text-bytes", "width": 24, "heads": 3}}).text == TextBytes(width=24, heads=3)
    with pytest.raises(ConfigError, match="text: is no encoder of text"):
        Holder.parse({"text": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}})
