import numpy as np
import pytest

from tasks.predict.test_run import make_model
from tasks.segment.small import AFFINE, SHAPE, blob
from vesalius.cohort.ends import Ends
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.predict import SegmentPredictor, function_of


def test_measures_and_picture(tmp_path):
    predictor = SegmentPredictor(make_model(tmp_path / "model"), "cpu")
    assert predictor.images == ("image",)
    done = predictor({"image": Scan.from_array(blob(0)[0], AFFINE)}, tmp_path / predictor.target_of("a"))
    assert set(done.measures) == {"bright mL", "dark mL", "check", "warnings"}
    assert (done.measures["check"], done.measures["warnings"]) == ({"asked": "none"}, [])
    assert all(png.startswith(b"\x89PNG") for png in done.pictures.values())
    seen, sheets = done.viewer
    assert (seen.still, seen.frames, len(seen.slices)) == ("outlines.png", [0], SHAPE[2])
    assert set(seen.sheets) == set(sheets)
    assert {name for name, _ in seen.legend} <= {"bright", "dark"}
    (section,) = predictor.sections({"a": done.measures}, {"a": {"outlines": "a.outlines.png"}}, {"a": seen})
    assert "bright mL" in predictor.summary(done.measures)
    assert predictor.verdict({"a": done.measures}).words.startswith("a: bright ")
    viewer, table = section.blocks
    assert (viewer, table.rows[0][0]) == (seen, "a")


def test_without_geometry_there_are_no_volumes(tmp_path):
    predictor = SegmentPredictor(make_model(tmp_path / "model"), "cpu")
    labels = np.full((1, *SHAPE), 4, np.uint8)
    function = predictor._measured(labels, Scan.from_array(labels[None]), None)
    assert function.facts == {}
    assert function.warnings == ["no volumes: the file states no geometry"]


VALUES = {"rv": 1, "lv": 3}


def cavities(*voxels):
    """Frames with so many voxels of the LV, all in one slab, shape (T, 20, 20, 4)."""
    labels = np.zeros((len(voxels), 1600), np.uint8)
    for t, count in enumerate(voxels):
        labels[t, :count] = 3
    return labels.reshape(-1, 20, 20, 4)


def test_stated_frames_are_used():
    labels = cavities(100, 90, 30, 60, 110, 105, 100, 100, 100)
    found = function_of(labels, VALUES, "lv", 1.0, Ends(0, 3, "Info.cfg"))
    assert found.facts == {
        "EDV mL": 100, "ESV mL": 60, "ED frame": 0, "ES frame": 3, "EF %": 40, "ef_from": "stated frames",
    }  # fmt: skip
    assert found.warnings == []


def test_without_them_the_curve_is_smoothed():
    found = function_of(cavities(100, 80, 60, 50, 60, 80, 100, 110), VALUES, "lv", 1.0)
    assert found.facts["ef_from"] == "smoothed curve"
    assert (found.facts["ED frame"], found.facts["ES frame"]) == (7, 3)
    assert found.facts["EF %"] == pytest.approx(100 * (1 - 50 / 110), abs=4)


def test_frames_that_the_scan_does_not_have():
    found = function_of(cavities(100, 40), VALUES, "lv", 1.0, Ends(0, 7, "the manifest"))
    assert found.facts["ef_from"] == "largest and smallest frame"
    assert found.warnings[0] == "the manifest names frame 7 (from 0) of 2: it was not used"
    assert "noise makes EF too large" in found.warnings[1]


def test_what_cannot_be_is_a_warning():
    found = function_of(cavities(100, 124), VALUES, "lv", 1.0, Ends(0, 1, "Info.cfg"))
    assert found.warnings == ["implausible: ESV above EDV, so EF is negative (-24.0 %)"]
    found = function_of(cavities(100, 40), VALUES, "lv", 0.02, Ends(0, 1, "Info.cfg"))
    assert found.warnings == ["implausible: EDV below 20 mL (2 mL)"]
    labels = cavities(400, 200)
    labels[1, 15:, :, 0] = 3  # a second piece of 100 voxels
    labels[:, 19, 10:, 3] = 1
    labels[0, 10, 10:15, 3] = 1  # the RV in two
    found = function_of(labels, VALUES, "lv", 0.5, Ends(0, 1, "Info.cfg"))
    assert found.warnings == ["implausible: rv in 2 pieces at ED", "implausible: lv in 2 pieces at ES"]


def test_a_cavity_that_is_not_there_gives_no_numbers():
    found = function_of(cavities(0, 0, 0), VALUES, "lv", 1.0)
    assert (found.facts, found.warnings) == ({}, ["no lv was found"])
    found = function_of(cavities(0, 50, 40), VALUES, "lv", 1.0, Ends(0, 2, "Info.cfg"))
    assert (found.facts, found.warnings) == (
        {},
        ["no lv was found in 1 of 3 frames", "no lv at the stated end-diastole, so no EF"],
    )


def test_one_frame_has_volumes():
    found = function_of(cavities(100), VALUES, "lv", 1.0, Ends(0, 1, "Info.cfg"))
    assert (found.facts, found.warnings) == ({"rv mL": 0, "lv mL": 100}, [])
    assert function_of(cavities(700), VALUES, "lv", 1.0).warnings == ["implausible: lv above 600 mL (700 mL)"]
