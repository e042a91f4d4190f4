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


def test_the_refused_report_keeps_its_cure_and_the_limits_come_first(tmp_path, phantom):
    """On the terminal, in the page and in the summary."""
    model = make_model(tmp_path / "model", check="head-ct")
    data = (DataSource(name="drawn heads", licence="CC0"),)
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
