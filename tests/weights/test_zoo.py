import pytest

from vesalius.transforms.contract import read_contract
from vesalius.weights.card import read_card
from vesalius.weights.place import ZOO, zoo_names
from vesalius.weights.saved import from_pretrained

MOST_BYTES = 5_000_000


@pytest.mark.parametrize("name", zoo_names())
def test_every_shipped_model_loads_is_small_and_has_a_licence(name):
    model = from_pretrained(name)
    assert model.folder == ZOO / name
    assert (model.folder / "model.safetensors").stat().st_size <= MOST_BYTES
    assert read_contract(model.folder).classes
    assert read_card(model.folder).licence != "unknown"
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in card
    assert "vesalius train" in card


def test_the_loss_and_the_judge_are_two_models():
    one, other = (from_pretrained(f"segment/{name}") for name in ("cine_unet", "cine_segresnet"))
    assert type(one.config.net) is not type(other.config.net)
