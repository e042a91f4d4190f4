import json

import numpy as np
import pytest

from tasks.detect.tiny import AFFINE, head, make_model
from vesalius.errors import InputError
from vesalius.scan.scan import Scan
from vesalius.tasks.detect.predict import DetectPredictor

SCAN = Scan.from_array(head(0, True), AFFINE)


def test_every_file(tmp_path):
    predictor = DetectPredictor(make_model(tmp_path / "model"), "cpu", {"top_k": 3})
    done = predictor({"image": SCAN}, tmp_path / predictor.target_of("a"))
    out = tmp_path / "a"
    names = {"summary.json", "slice_probs.npy", "slice_indices.npy", "heat_map.npy", "heat_map.png"}
    assert {path.name for path in out.iterdir()} == names | {
        "heat_patches.npy",
        "similarity_map.npy",
        "similarity_map.png",
    }
    summary = json.loads((out / "summary.json").read_text())
    assert summary == done.measures
    probs = np.load(out / "slice_probs.npy")
    assert probs.shape == (6, 2)
    assert np.load(out / "slice_indices.npy").tolist() == list(range(6))
    lead = list(summary["classes"]).index(summary["leading"])
    ranked = np.argsort(-probs[:, lead])[:3].tolist()
    assert [one["slice"] for one in summary["top_slices"]] == ranked
    assert summary["top_slices"][0]["probabilities"]["any"] == pytest.approx(probs[ranked[0], 0])
    assert {one["file_axis"] for one in summary["top_slices"]} == {"k"}
    assert summary["classes"]["subdural"]["positive"] is None
    assert summary["classes"]["any"]["positive"] == (summary["classes"]["any"]["probability"] >= 0.5)
    assert summary["heat_map"]["slice"] == ranked[0]
    patches = np.load(out / "heat_patches.npy")
    assert summary["heat_map"]["hottest_patch"] == list(np.unravel_index(patches.argmax(), patches.shape))
    assert np.load(out / "heat_map.npy").shape == (24, 24)
    row, column = summary["heat_map"]["hottest_patch"]
    assert np.load(out / "similarity_map.npy")[row, column] == pytest.approx(1)
    assert summary["seconds"] > 0
    assert summary["peak_mib"] > 0
    assert set(done.pictures) == {"heat", "similarity", "profile"}
    assert f"most suspicious slice {ranked[0]}" in predictor.summary(done.measures)


def test_the_place_of_a_slice_in_the_file(tmp_path):
    """Stored from above downwards: the same slice has another index there."""
    predictor = DetectPredictor(make_model(tmp_path / "model"), "cpu")
    affine = AFFINE.copy()
    affine[2, 2], affine[2, 3] = -5.0, 25.0
    turned = Scan.from_array(head(0, True)[..., ::-1], affine)
    one = predictor({"image": SCAN}, tmp_path / "a").measures
    other = predictor({"image": turned}, tmp_path / "b").measures
    for mine, theirs in zip(one["top_slices"], other["top_slices"], strict=True):
        assert mine["slice"] == theirs["slice"] == mine["file_index"] == 5 - theirs["file_index"]
        assert mine["probabilities"] == pytest.approx(theirs["probabilities"])


def test_rollout_is_asked_for_by_name(tmp_path):
    predictor = DetectPredictor(make_model(tmp_path / "model"), "cpu", {"heat_map": "rollout"})
    done = predictor({"image": SCAN}, tmp_path / "a")
    slice_ = done.measures["heat_map"]["slice"]
    assert done.measures["heat_map"]["class"] is None
    plain = DetectPredictor(tmp_path / "model", "cpu")
    other = plain({"image": SCAN}, tmp_path / "b")
    assert other.measures["heat_map"]["class"] == other.measures["leading"]
    assert slice_ == other.measures["heat_map"]["slice"]
    found, logits = (np.load(tmp_path / name / "heat_patches.npy") for name in "ab")
    assert (found > 0).all()
    assert not np.allclose(found, logits)


def test_images_by_name(tmp_path):
    predictor = DetectPredictor(make_model(tmp_path / "model"), "cpu")
    with pytest.raises(InputError, match="needs image"):
        predictor({"t1": SCAN}, tmp_path / "a")


def test_the_heat_map_begins_at_the_threshold_of_its_finding(tmp_path):
    """The logit of the threshold, 0 for 0.5; a threshold that no patch reaches is said."""
    model = make_model(tmp_path / "model")
    predictor = DetectPredictor(model, "cpu")
    heat = predictor({"image": SCAN}, tmp_path / "a").measures["heat_map"]
    assert heat["threshold"] == pytest.approx(0.0)
    assert heat["highest"] == pytest.approx(float(np.load(tmp_path / "a" / "heat_patches.npy").max()))
    high = predictor.model.calibration.model_copy(update={"thresholds": (0.999999, 0.999999)})
    high.write(model)
    strict = DetectPredictor(model, "cpu")
    measures = strict({"image": SCAN}, tmp_path / "b").measures
    assert measures["heat_map"]["threshold"] == pytest.approx(np.log(0.999999 / 0.000001))
    assert measures["heat_map"]["highest"] < measures["heat_map"]["threshold"]
    section = strict.sections({"b": measures}, {"b": {"heat": "b.heat.png"}}, {})[0]
    (figure,) = (block for block in section.blocks if block.kind == "figure")
    assert "othing is coloured, as no patch reaches the threshold" in figure.caption
    rolled = DetectPredictor(model, "cpu", {"heat_map": "rollout"})({"image": SCAN}, tmp_path / "c")
    assert rolled.measures["heat_map"]["threshold"] is None
