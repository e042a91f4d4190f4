from tasks.segment.small import settings
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.settings import SegmentSettings


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
