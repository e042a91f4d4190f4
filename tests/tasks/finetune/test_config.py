import pytest

from tasks.finetune.small import of_pictures, of_volumes
from vesalius.errors import ConfigError
from vesalius.tasks.finetune.config import FinetuneConfig, FinetuneSettings

WRONG = {
    "prepare.layout must be BCJI": of_volumes("m.jsonl", prepare={"layout": "CJI"}),
    "prepare.layout must be CJI": of_pictures("m.jsonl", prepare={"layout": "BCJI"}),
    "places needs data.slices": of_pictures("m.jsonl", loss={"places": 1.0}),
    "left is named 2 times": of_pictures("m.jsonl", data={"manifest": "m.jsonl", "classes": ["left", "left"]}),
    "net: is not an encoder": of_pictures("m.jsonl", net={"name": "head", "inputs": 3, "outputs": 2}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what):
    with pytest.raises(ConfigError, match=what):
        FinetuneConfig.parse(WRONG[what])


def test_classes_come_from_one_place():
    table = of_volumes("m.jsonl")
    with pytest.raises(ConfigError, match=r"slices\.values"):
        FinetuneConfig.parse(table | {"data": table["data"] | {"classes": ["any"]}})


def test_the_classifier_has_the_encoder_of_the_configuration():
    config = FinetuneConfig.parse(of_pictures("m.jsonl", hidden=5))
    net = config.classifier(3)
    assert (net.encoder, net.outputs, net.head.inputs, net.head.hidden) == (config.net, 3, 128, 5)


def test_a_model_has_a_class():
    assert FinetuneSettings(classes=("any",), images=("image",)).classes == ("any",)
    with pytest.raises(ConfigError):
        FinetuneSettings.parse({"classes": [], "images": ["image"]})
