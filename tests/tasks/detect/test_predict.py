import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from tasks.detect.tiny import AFFINE, head, make_model, prepare
from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.nets.aggregate import GatedAttention, Gru, Max, Mean
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.scan import Scan
from vesalius.tasks.detect.predict import Detector, DetectPredictor
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.predict.run import lines, predict
from vesalius.weights.card import Card, DataSource
from vesalius.weights.saved import from_pretrained, save_pretrained

SCAN = Scan.from_array(head(0, True), AFFINE)
SLICES = Slices.of(SCAN, prepare())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_probabilities_are_those_of_head_and_encoder(tmp_path):
    detector = Detector(make_model(tmp_path, slices={"stride": 2}))
    found = detector(SLICES)
    assert found.numbers.tolist() == [0, 2, 4]
    encoder, net = (from_pretrained(tmp_path, only=name).net for name in ("encoder", "head"))
    with torch.no_grad():
        rows = torch.cat([encoder(torch.from_numpy(SLICES.prepared([n])))[0] for n in (0, 2, 4)])
        by_slice = net.head(rows).numpy()
    np.testing.assert_allclose(found.slices_LC, sigmoid(by_slice / 2), atol=1e-5)
    expected = np.sort(by_slice, axis=0)[-2:].mean(0)  # top-k of two slices
    np.testing.assert_allclose(found.whole_C, sigmoid(expected / 2), atol=1e-5)


def test_slices_beside_the_head_are_not_looked_at(tmp_path):
    image = head(0, True)
    image[:, :, [0, 1]] = -1000
    slices = Slices.of(Scan.from_array(image, AFFINE), prepare())
    detector = Detector(make_model(tmp_path, slices={"least_body": 0.02}))
    found = detector(slices)
    assert found.numbers.tolist() == [2, 3, 4, 5]
    assert found.slices_LC.shape == (4, 2)


@pytest.mark.parametrize("aggregate", [Mean(), Max(), GatedAttention(hidden=4), Gru(hidden=4)])
def test_a_patch_is_judged_as_a_study_of_its_own(tmp_path, aggregate):
    detector = Detector(make_model(tmp_path, aggregate=aggregate))
    patches = np.random.default_rng(0).normal(size=(2, 3, 192)).astype(np.float32)
    found = detector.patch_logits(patches, 1)
    net = from_pretrained(tmp_path, only="head").net
    with torch.no_grad():
        one = net(torch.from_numpy(patches[1, 2])[None, None], torch.ones(1, 1, dtype=torch.bool))[0]
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(one[0, 1].item() / 2, abs=1e-5)


def test_the_leading_class_is_farthest_above_its_threshold(tmp_path):
    detector = Detector(make_model(tmp_path, classes=("a", "b", "c")))
    calibration = detector.calibration.model_copy(update={"thresholds": (0.9, 0.2, None)})
    assert calibration.leading(np.array([0.92, 0.6, 0.7])) == 1
    assert calibration.leading(np.array([0.92, 0.1, 0.7])) == 2
    assert calibration.leading(np.array([1.0, 0.1, 0.7])) == 0


def test_rollout_on_the_grid_of_the_patches(tmp_path):
    detector = Detector(make_model(tmp_path))
    found = detector.encoder.rollout(SLICES, 2)
    assert found.shape == (2, 2)
    assert 0 < found.sum() < 1000
    detector.encoder.part.net.vit.blocks[0].attn = torch.nn.Identity()
    with pytest.raises(UsageError, match="shows no attention"):
        detector.encoder.rollout(SLICES, 2)


def test_parts_that_do_not_belong_together(tmp_path):
    make_model(tmp_path / "a")
    assert Detector(tmp_path / "a").digest() == Detector(tmp_path / "a").digest()
    make_model(tmp_path / "b", seed=1)
    (tmp_path / "a" / "encoder.safetensors").rename(tmp_path / "b" / "encoder.safetensors")
    with pytest.raises(CorruptFileError, match="not the encoder that the head was trained on"):
        Detector(tmp_path / "b")
    make_model(tmp_path / "c")
    text = (tmp_path / "c" / "calibration.json").read_text()
    (tmp_path / "c" / "calibration.json").write_text(text.replace("subdural", "epidural"))
    with pytest.raises(CorruptFileError, match="to other classes"):
        Detector(tmp_path / "c")
    make_model(tmp_path / "e")
    (tmp_path / "e" / "encoder.safetensors").unlink()
    with pytest.raises(CorruptFileError, match=r"e/encoder.safetensors: is missing from the model folder"):
        Detector(tmp_path / "e")
    bare = make_model(tmp_path / "d")
    model = from_pretrained(bare)
    config = model.config.model_copy(update={"settings": {**model.config.settings, "encoder": None}})
    save_pretrained(bare, model.parts, config)
    with pytest.raises(InputError, match="trained on precomputed vectors"):
        Detector(bare)


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
    first_box = page[page.index('class="warning') :].partition("</div>")[0]
    assert re.findall(r"<li>(.*?)</li>", first_box)[:2] == ["Trained on drawn heads only.", "Not for real scans."]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["results"]["limits"] == done.limits
    assert json.loads((tmp_path / "out" / "good" / "summary.json").read_text())["limits"] == done.limits
    assert "calibrated on drawn heads only (30 validation studies)" in page
    assert "alibrated probabilities" not in page
    mended = predict(model, [tmp_path / "zero.nii.gz"], tmp_path / "mended", {"intercept_hu": -1024.0}, device="cpu")
    assert list(mended.results) == ["zero"]
