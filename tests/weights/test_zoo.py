import math

import pytest
import torch

from vesalius.transforms.contract import read_contract
from vesalius.weights.card import read_card
from vesalius.weights.place import ZOO, zoo_names
from vesalius.weights.saved import from_pretrained

MOST_BYTES = 8_000_000


@pytest.mark.parametrize("name", zoo_names())
def test_every_shipped_model_loads_is_small_and_has_a_licence(name):
    model = from_pretrained(name)
    assert model.folder == ZOO / name
    assert sum(path.stat().st_size for path in model.folder.rglob("*.safetensors")) <= MOST_BYTES
    # tokens have no classes, and what is generated has those of its settings
    assert read_contract(model.folder).classes or model.config.task in ("tokenize", "generate")
    assert read_card(model.folder).licence != "unknown"
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in card
    assert "vesalius train" in card


def test_the_loss_and_the_judge_are_two_models():
    one, other = (from_pretrained(f"segment/{name}") for name in ("cine_unet", "cine_segresnet"))
    assert type(one.parts["net"].config) is not type(other.parts["net"].config)


def image(*shape):
    return (torch.arange(math.prod(shape)) * 0.37).sin().reshape(shape)


@torch.no_grad()
def test_outputs_are_those_of_the_weights_that_were_measured():
    """Computed when these weights came into the package; those of the detector when it was one folder a network."""
    for name, expected, mean in (
        ("segment/cine_unet", [1.75596, -2.18371, -2.15391, -4.01328], -2.11584),
        ("segment/cine_segresnet", [1.90206, -1.83641, -2.43724, -3.40931], -2.78059),
    ):
        logits = from_pretrained(name).net(image(1, 1, 64, 64))
        torch.testing.assert_close(logits[0, :, 20, 30], torch.tensor(expected), atol=1e-3, rtol=0)
        assert logits.mean().item() == pytest.approx(mean, abs=1e-3)
    parts = from_pretrained("generate/nuclei").parts
    text = parts["text"].net(["stained microscopy, few nuclei"])
    picture = parts["net"].net(image(1, 3, 64, 64), torch.tensor([0.4]), *text, image(1, 1, 64, 64))
    torch.testing.assert_close(picture[0, :, 20, 30], torch.tensor([0.292, -0.13234, 0.47826]), atol=1e-3, rtol=0)
    assert picture.mean().item() == pytest.approx(0.30214, abs=1e-3)
    parts = from_pretrained("detect/head_ct_phantom").parts
    whole, places = parts["encoder"].net(image(1, 3, 64, 64))
    study, slices = parts["head"].net(image(1, 4, 128), torch.ones(1, 4, dtype=torch.bool))
    for found, expected in (
        (whole[0, :4], [-0.37354, 0.03619, -0.95032, -0.03673]),
        (places[0, 5, :4], [-0.39435, -0.7179, -1.11576, -0.84148]),
        (study[0], [-0.00812, 0.0387, -0.0504, -0.10878, -0.10265, 0.23318]),
        (slices[0, 2], [0.33915, 0.52987, 0.12699, 0.18249, -0.31501, 0.52838]),
    ):
        torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", [name for name in zoo_names() if name.startswith("detect/")])
def test_the_encoder_of_a_head_is_the_one_it_was_trained_on(name):
    from vesalius.tasks.encode.encoder import Encoder

    facts = from_pretrained(name, "detect").config.settings["encoder"]
    encoder = Encoder.from_pretrained(name, precision=facts["precision"])
    assert encoder.digest() == facts["digest"]
    assert from_pretrained(name).parts["head"].config.inputs == encoder.width
