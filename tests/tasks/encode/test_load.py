import pytest

from nets.tiny_tokenizer import make_tokenizer
from tasks.detect.tiny import make_encoder
from vesalius.errors import InputError
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.load import load_encoder
from vesalius.tasks.encode.token_encoder import TokenEncoder


def test_the_parts_of_a_model_decide(tmp_path):
    assert isinstance(load_encoder(make_encoder(tmp_path / "vit")), Encoder)
    assert isinstance(load_encoder(make_tokenizer(tmp_path / "model")), TokenEncoder)
    with pytest.raises(InputError, match="has no part called encoder"):
        load_encoder("segment/cine_unet")
