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
    assert sum(path.stat().st_size for path in model.folder.rglob("*.safetensors")) <= MOST_BYTES
    takes_scans = model.folder / "encoder" if (model.folder / "encoder").is_dir() else model.folder
    assert read_contract(takes_scans).classes
    assert read_card(model.folder).licence != "unknown"
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in card
    assert "vesalius train" in card


def test_the_loss_and_the_judge_are_two_models():
    one, other = (from_pretrained(f"segment/{name}") for name in ("cine_unet", "cine_segresnet"))
    assert type(one.config.net) is not type(other.config.net)


@pytest.mark.parametrize("name", [name for name in zoo_names() if (ZOO / name / "encoder").is_dir()])
def test_the_encoder_of_a_head_is_the_one_it_was_trained_on(name):
    from vesalius.tasks.encode.encoder import Encoder

    facts = from_pretrained(name, "detect").config.settings["encoder"]
    encoder = Encoder.from_pretrained(ZOO / name / "encoder", precision=facts["precision"])
    assert encoder.digest() == facts["digest"]
    assert from_pretrained(name).config.net.inputs == encoder.width
