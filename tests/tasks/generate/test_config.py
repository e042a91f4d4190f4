import pytest

from tasks.generate.small import config, table
from vesalius.cohort.case import Case
from vesalius.errors import ConfigError
from vesalius.tasks.generate.config import GenerateConfig, GenerateData


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("sizes", [{"rows": 18, "columns": 16}], "multiples of 4"),
        ("weights", {"lesion": 3}, "lesion"),
        ("contrast", {"weight": 0.01}, "contrast needs classes in weights"),
        ("prepare", {"layout": "CIJK"}, "prepare.layout must be CJI"),
        ("crop", {"area": [0.5, 1.5]}, "no larger than the picture"),
        ("text", {"name": "text-bytes", "width": 32, "heads": 2}, "text_width is 16"),
        ("text", {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}, "no encoder of text"),
    ],
)
def test_what_does_not_fit_is_one_line(key, value, words):
    with pytest.raises(ConfigError, match=words) as error:
        config("m.jsonl", **{key: value})
    assert "\n" not in str(error.value)


def test_masks_need_channels_of_the_net():
    keys = table("m.jsonl")
    keys["data"] = {**keys["data"], "labels": {}}
    with pytest.raises(ConfigError, match=r"mask_channels is 1, data\.labels has 0"):
        GenerateConfig.parse(keys)


def test_words_of_labels_stand_in_for_a_caption():
    data = GenerateData.build(manifest="m.jsonl", texts={"bleed": "a bleed", "mass": "a mass"})
    case = Case.build(id="a", images={"image": "a.png"}, labels={"bleed": 1, "mass": 0})
    assert data.caption(case) == "a bleed"
    assert data.caption(case.model_copy(update={"caption": " the words "})) == "the words"
    assert data.caption(case.model_copy(update={"labels": {}})) == ""
    negative = data.model_copy(update={"text_of_none": "nothing"})
    assert negative.caption(case.model_copy(update={"labels": {"bleed": 0, "mass": 0}})) == "nothing"
    assert negative.caption(case.model_copy(update={"labels": {"bleed": 0}})) == ""  # the mass is unknown


def test_rare_cases_come_more_often():
    data = GenerateData.build(manifest="m.jsonl", times={"stain": {"rare": 5}})
    case = Case.build(id="a", images={"image": "a.png"}, facts={"stain": "rare"})
    assert data.turns(case) == 5
    assert data.turns(case.model_copy(update={"facts": {}})) == 1
