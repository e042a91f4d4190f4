import numpy as np
import pytest
from PIL import Image

from tasks.generate.small import disc
from vesalius.app.predicting import one_scan, predict_scan, rows_of
from vesalius.errors import UsageError, VesaliusError

pytest.importorskip("torch")


def silent(share, text):
    assert 0 <= share <= 1


def test_a_segmenter_shows_its_classes_on_the_slices(disc_models, tmp_path):
    picture, _, _ = disc(1)
    Image.fromarray(np.stack([picture] * 3, -1)).save(tmp_path / "a.png")
    found = predict_scan([str(tmp_path / "a.png")], str(disc_models / "find" / "discs"), str(tmp_path / "job"), silent)
    assert found.classes == ("disc",)
    labels = found.shown.labels(0, 0)
    assert labels.shape == picture.shape
    share = 100 * labels.mean()
    assert dict(found.rows)["disc %"] == f"{share:.1f}"
    written = np.asarray(Image.open(next(file for file in found.files if file.endswith(".png"))))
    assert np.array_equal(written > 0, labels > 0)


def test_a_classifier_shows_findings_and_the_heat_map(tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    found = predict_scan([str(tmp_path / "a.png")], "finetune/cxr_pneumonia", str(tmp_path / "job"), silent)
    assert found.header[0] == "finding"
    assert 0 <= float(found.rows[0][1]) <= 1
    assert any("heat" in path for path, _ in found.pictures)
    assert found.notes
    assert found.shown.labels(0, 0) is None


def test_refusals_are_lines(make_nifti, tmp_path):
    with pytest.raises(VesaliusError):
        predict_scan([str(make_nifti())], "detect/head_ct_phantom", str(tmp_path / "job"), silent)
    two = tmp_path / "two"
    two.mkdir()
    for name in ("a.npy", "b.npy"):
        np.save(two / name, np.zeros((4, 4, 2), np.int16))
    with pytest.raises(UsageError, match="2 scans were dropped"):
        one_scan(two)


def test_rows_of_findings():
    facts = {"probability": 0.25, "threshold": None, "positive": None}
    assert rows_of({"classes": {"x": facts}})[1][0][3] == "no threshold"
    positive = {"probability": 0.75, "threshold": 0.5, "positive": True}
    assert rows_of({"classes": {"x": positive}})[1] == (("x", "0.750", "0.500", "positive"),)
