import json

import pytest
import yaml

from vesalius.cohort.case import Case
from vesalius.errors import ConfigError, InputError
from vesalius.tasks.synthesis.settings import SynthesisSettings, read_settings


def test_options_win_over_the_file_and_the_file_over_the_defaults(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump({"steps": 30, "sampler": "heun", "size": [64, 96]}))
    settings = read_settings(path, {"steps": 5})
    assert (settings.steps, settings.sampler, settings.size, settings.seed) == (5, "heun", (64, 96), 0)


def test_the_shipped_settings_are_valid():
    settings = read_settings("generate/sample", {})
    assert (settings.steps, settings.sampler, settings.guidance) == (50, "euler", 1.5)


@pytest.mark.parametrize("block", [False, True])
def test_keys_of_an_inference_configuration_are_converted(tmp_path, block):
    keys = {
        "num_inference_steps": 50,
        "guidance_scale": 7.5,
        "image_size": 1024,
        "seed": 42,
        "checkpoint_path": "checkpoints/best_model.pth",
    }
    path = tmp_path / "inference_config.yaml"
    path.write_text(yaml.safe_dump({"inference": keys} if block else keys))
    heard = []
    settings = read_settings(path, {}, heard.append)
    found = (settings.steps, settings.guidance, settings.size, settings.seed)
    assert found == (50, 7.5, (1024, 1024), 42)
    assert heard[0].endswith("checkpoint_path")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"guidance": float("nan")}, "guidance: nan was given"),
        ({"steps": 0}, "steps: 0 was given"),
        ({"area": (0.9, 0.2)}, "area gives the smaller share first"),
        ({"interval": (0.9, 0.2)}, "interval gives the smaller time first"),
        ({"size": (0, 8)}, "size.0: 0 was given"),
        ({"seed": -1}, "seed: -1 was given"),
        ({"stepps": 4}, "stepps: no such key; did you mean 'steps'?"),
    ],
)
def test_a_wrong_setting_is_one_line(given, says):
    with pytest.raises(ConfigError) as caught:
        read_settings(None, given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_of_that_name_is_one_line():
    with pytest.raises(InputError, match="is neither a file nor a configuration"):
        read_settings("generate/nothing", {})


def test_the_stamp_holds_what_a_picture_depends_on_and_nothing_else():
    settings = SynthesisSettings(steps=7, size=(16, 16))
    stamp = json.loads(settings.stamp)
    assert stamp == {
        "steps": 7,
        "sampler": "midpoint",
        "guidance": settings.guidance,
        "mask_guidance": settings.mask_guidance,
        "interval": [0.0, 1.0],
        "shift": 1.0,
        "size": [16, 16],
    }
    assert SynthesisSettings(steps=7, size=(16, 16), batch=3, seed=9, format="dcm").stamp == settings.stamp


def test_labels_become_captions_where_a_case_has_none():
    settings = SynthesisSettings(texts={"a": "a nodule", "b": "fluid"}, text_of_none="clear")
    cases = [Case.build(id="x", images={"image": "x.png"}, labels={"a": a, "b": b}) for a in (0, 1) for b in (0, 1)]
    assert [settings.caption(case) for case in cases] == ["clear", "fluid", "a nodule", "a nodule, fluid"]
    assert settings.caption(cases[3].model_copy(update={"caption": " its own "})) == "its own"
