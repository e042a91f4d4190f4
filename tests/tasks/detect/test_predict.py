import json
from dataclasses import replace

import numpy as np
import pytest

from tasks.detect.tiny import AFFINE, head, make_model
from vesalius.errors import InputError, UsageError
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.scan import Scan
from vesalius.tasks.detect.predict import DetectPredictor
from vesalius.tasks.predict.run import lines, predict
from vesalius.weights.card import Card, DataSource

SCAN = Scan.from_array(head(0, True), AFFINE)


@pytest.fixture(scope="module")
def phantom():
    study = head_ct_study(HeadCtOptions(matrix=96, slices=12, thickness_mm=12.0, subslices=1), 0, 0)
    return Scan.from_array(study.image_IJK, study.affine)


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


def test_a_model_for_heads_looks_before_it_speaks(tmp_path, phantom):
    predictor = DetectPredictor(make_model(tmp_path / "model", check="head-ct"), "cpu")
    done = predictor({"image": phantom}, tmp_path / "a").measures
    assert done["warnings"] == ["the file does not say that it is CT"]
    assert done["check"]["asked"] == "head-ct"
    assert 80 < done["check"]["enclosed_cm2"] < 250
    assert done["heat_map"]["window"] == [0.0, 80.0]
    with pytest.raises(InputError, match="is MR"):
        predictor({"image": replace(phantom, modality="MR")}, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    free = DetectPredictor(make_model(tmp_path / "free"), "cpu")
    assert free({"image": replace(phantom, modality="MR")}, tmp_path / "c").measures["check"] == {"asked": "none"}


def test_another_zero_is_mended_where_asked_for(tmp_path, phantom):
    model = make_model(tmp_path / "model", check="head-ct")
    template = Scan.from_array(phantom.stored()[0, 0].astype(np.int16) + 1024, phantom.affine)
    with pytest.raises(UsageError, match="pass --intercept -1024"):
        DetectPredictor(model, "cpu")({"image": template}, tmp_path / "a")
    mended = DetectPredictor(model, "cpu", {"intercept_hu": -1024.0})
    done = mended({"image": template}, tmp_path / "a").measures
    assert done["warnings"][0] == "-1024 was added to every value, as requested"
    plain = DetectPredictor(model, "cpu")({"image": phantom}, tmp_path / "b").measures
    assert done["classes"] == plain["classes"]


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
    section = strict.sections({"b": measures}, {"b": {"heat": "b.heat.png"}})[1]
    assert "nothing is coloured, as no patch reaches the threshold" in section.blocks[-1].caption
    rolled = DetectPredictor(model, "cpu", {"heat_map": "rollout"})({"image": SCAN}, tmp_path / "c")
    assert rolled.measures["heat_map"]["threshold"] is None


def test_the_refused_report_keeps_its_cure_and_the_limits_come_first(tmp_path, phantom):
    """On the terminal, in the page and in the summary."""
    model = make_model(tmp_path / "model", check="head-ct")
    data = (DataSource("drawn heads", "CC0"),)
    Card(name="m", summary="A test", task="detect", licence="CC0", data=data, limits=("Not for real scans.",)).write(
        model
    )
    write_nifti(tmp_path / "zero.nii.gz", phantom.stored()[0].astype(np.int16) + 1024, phantom.affine)
    write_nifti(tmp_path / "good.nii.gz", phantom.stored()[0].astype(np.int16), phantom.affine)
    done = predict(model, [tmp_path / "zero.nii.gz", tmp_path / "good.nii.gz"], tmp_path / "out", device="cpu")
    (failed,) = done.failed
    assert failed["reason"].endswith("; pass --intercept -1024")
    shown = lines(done)
    assert shown[0].startswith("warning: limits of the model: Trained on drawn heads only. Not for real scans.")
    assert sum("pass --intercept -1024" in line for line in shown) == 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "pass --intercept -1024" in page
    assert str(tmp_path) not in page
    first_box = page[page.index('class="warning"') :].partition("</p>")[0]
    assert "Trained on drawn heads only. Not for real scans." in first_box
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["results"]["limits"] == done.limits
    assert json.loads((tmp_path / "out" / "good" / "summary.json").read_text())["limits"] == done.limits
    assert "calibrated on drawn heads only (30 validation studies)" in page
    assert "alibrated probabilities" not in page
    mended = predict(model, [tmp_path / "zero.nii.gz"], tmp_path / "mended", {"intercept_hu": -1024.0}, device="cpu")
    assert list(mended.results) == ["zero"]
