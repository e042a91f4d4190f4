import numpy as np

from tasks.predict.test_run import make_model
from tasks.segment.small import AFFINE, SHAPE, blob
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.predict import SegmentPredictor


def test_measures_and_picture(tmp_path):
    predictor = SegmentPredictor(make_model(tmp_path / "model"), "cpu")
    assert predictor.images == ("image",)
    done = predictor({"image": Scan.from_array(blob(0)[0], AFFINE)}, tmp_path / predictor.target_of("a"))
    assert set(done.measures) == {"bright mL", "dark mL", "check", "warnings"}
    assert (done.measures["check"], done.measures["warnings"]) == ({"asked": "none"}, [])
    assert all(png.startswith(b"\x89PNG") for png in done.pictures.values())
    (section,) = predictor.sections({"a": done.measures}, {"a": {"outlines": "a.outlines.png"}})
    assert "bright mL" in predictor.summary(done.measures)
    assert section.blocks[0].rows[0][0] == "a"


def test_without_geometry_there_are_no_volumes(tmp_path):
    predictor = SegmentPredictor(make_model(tmp_path / "model"), "cpu")
    labels = np.full((1, *SHAPE), 4, np.uint8)
    function = predictor._measured(labels, Scan.from_array(labels[None]), None)
    assert function.facts == {}
    assert function.warnings == ["no volumes: the file states no geometry"]
