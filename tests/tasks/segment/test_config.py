import pytest

from tasks.segment.small import settings
from vesalius.errors import ConfigError
from vesalius.tasks.segment.config import SegmentConfig, SegmentSettings


def test_one_manifest_or_several():
    assert len(SegmentConfig.parse(settings("a.jsonl")).data.manifest) == 1
    assert len(SegmentConfig.parse(settings("a") | {}).data.manifest) == 1
    table = settings("a")
    table["data"]["manifest"] = ["a", "b"]
    assert [path.name for path in SegmentConfig.parse(table).data.manifest] == ["a", "b"]


def test_channels_that_the_preparation_adds_count():
    prepare = {"layout": "CIJK", "steps": [{"name": "neighbours"}]}
    assert SegmentConfig.parse(settings("m", prepare=prepare, net__inputs=3)).net.inputs == 3
    with pytest.raises(ConfigError, match=r"net\.inputs is 1, the patch, the images and the labels need 3"):
        SegmentConfig.parse(settings("m", prepare=prepare))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"net__outputs": 4}, "net.outputs is 4, the patch, the images and the labels need 3"),
        ({"net__inputs": 2}, "net.inputs is 2"),
        ({"patch": [16, 16, 4]}, "net.dims is 2"),
        ({"patch": [15, 16, 1]}, "multiples of 2"),
        ({"prepare": {"layout": "BCJI"}}, "prepare.layout must be CIJK"),
        ({"cavity": "lv"}, "lv is no class of data.labels"),
        ({"infer": {"organ": ["lv"]}}, "lv is no class of data.labels"),
        ({"infer": {"walls": {"lv": "wall"}}}, "lv, wall is no class of data.labels"),
        ({"regions": {"whole": ["bright", "grey"]}}, "grey is no class"),
        ({"data__labels": {"bright": [4], "dark": [4]}}, "a value belongs to two classes"),
        ({"data__ignored": [7]}, "a value belongs to two classes"),
        ({"data__labels": {"bright": [70000], "dark": [1]}}, "data.labels.bright.0"),
        ({"data__ignored": [40000]}, "data.ignored.0"),
        ({"data__labels": {f"c{n}": [n] for n in range(1, 129)}}, "data.labels"),
        ({"data__labels": {"bright": [0], "dark": [1]}}, "data.labels.bright.0"),
        ({"batchsize": 2}, "batchsize: no such key; did you mean 'batch'?"),
    ],
)
def test_what_does_not_fit_is_told(change, told):
    with pytest.raises(ConfigError) as caught:
        SegmentConfig.parse(settings("m", **change))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("train", "best"), [({"epochs": 2}, "dice"), ({}, "dice"), ({"best": None}, None), ({"best": "loss"}, "loss")]
)
def test_weights_are_chosen_by_dice_unless_the_configuration_says_otherwise(train, best):
    assert SegmentConfig.parse(settings("m", train=train)).train.best == best


def test_what_a_model_needs_of_its_run():
    config = SegmentConfig.parse(
        settings("m", cavity="dark", infer={"overlap": 0.25}, regions={"both": ["bright", "dark"]})
    )
    there = SegmentSettings.of(config)
    assert SegmentSettings.parse(there.model_dump(mode="json")) == there
    assert (there.labels, there.patch, there.cavity) == ({"bright": (4,), "dark": (7,)}, (16, 16, 1), "dark")
    assert there.infer.overlap == 0.25
    assert there.regions == {"both": ("bright", "dark")}


def test_what_nobody_labelled_is_kept_and_older_models_load():
    assert SegmentSettings.of(SegmentConfig.parse(settings("m", data__ignored=[9]))).ignored == (9,)
    assert SegmentSettings.parse({"labels": {"a": [1]}, "patch": [8, 8, 1]}).ignored == ()
