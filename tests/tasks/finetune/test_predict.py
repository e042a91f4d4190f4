"""tests/cli/test_finetuned.py goes the whole way from training to predictions."""

import json

import numpy as np
import pytest
import torch

from tasks.finetune.conftest import export
from tasks.finetune.small import AFFINE, make_pictures, of_pictures, volume
from vesalius.errors import CorruptFileError, UsageError
from vesalius.nets.grad_cam import grad_cam
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.finetune.predict import FinetunePredictor, Network, PictureClassifier

VOLUME = Scan.from_array(volume(3)[0], AFFINE)


def test_what_was_written_is_read_again(volume_model):
    folder, net = volume_model
    x = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        for mine, read in zip(net(x), Network(folder).net(x), strict=True):
            assert torch.equal(mine, read)


def test_a_volume_has_the_logits_of_its_most_suspicious_slices(volume_model):
    folder, net = volume_model
    classifier = PictureClassifier(folder)
    image, _ = volume(3)
    slices = Slices.of(Scan.from_array(image, np.diag([2.0, 2.0, 5.0, 1.0])), classifier.encoder.contract.prepare)
    found = classifier(slices)
    with torch.no_grad():
        logits_LC, places_LPC = net(torch.from_numpy(image.transpose(2, 1, 0)[:, None].copy()))
    expected = classifier.calibration.point.probabilities(logits_LC.double().numpy())
    np.testing.assert_allclose(found.slices_LC, expected, atol=1e-5)
    np.testing.assert_allclose(found.whole_C, expected.max(0), atol=1e-5)
    heat_HW = classifier.patch_logits(classifier.encoder.patches(slices, 2), 1)
    temperature = classifier.calibration.temperatures[1]
    np.testing.assert_allclose(heat_HW.ravel(), places_LPC[2, :, 1].numpy() / temperature, atol=1e-4)


def test_parts_that_do_not_belong_together(volume_model, tmp_path):
    folder, _ = volume_model
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["settings"]["classes"] = ["any"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CorruptFileError, match="do not fit each other"):
        Network(tmp_path)


def test_slices_of_a_volume(volume_model, tmp_path):
    predictor = FinetunePredictor(volume_model[0], "cpu", {"top_k": 2, "heat_map": "rollout"})
    done = predictor({"image": VOLUME}, tmp_path / "a")
    assert len(done.measures["top_slices"]) == 2
    assert done.measures["heat_map"]["shows"] == "rollout"
    assert "most suspicious slice" in predictor.summary(done.measures)
    _, head, definitions = predictor.sections({"a": done.measures}, {}, {})
    assert "the more slices a scan has" in head.blocks[1].text
    assert dict(definitions.blocks[0].items)["Probability"].startswith("The highest of the slices.")


def test_a_picture(picture_model, tmp_path):
    predictor = FinetunePredictor(picture_model[0], "cpu")
    picture = Scan.from_array(volume(3)[0][:, :, :1], AFFINE)
    done = predictor({"image": picture}, tmp_path / "a")
    assert np.load(tmp_path / "a" / "slice_probs.npy").shape == (1, 2)
    assert "slice" not in predictor.summary(done.measures)
    assert set(done.pictures) == {"heat", "similarity"}  # one picture has no profile
    seen, sheets = done.viewer
    assert (seen.still, len(seen.slices), seen.words) == ("heat.png", 1, [])
    assert set(seen.sheets) == set(sheets) == {"view0.jpg", "view1.png"}
    pictures = {"a": {"heat": "h.png", "profile": "p.png"}}
    section, _, definitions = predictor.sections({"a": done.measures}, pictures, {"a": seen})
    assert [block.kind for block in section.blocks if block.kind != "text"] == ["viewer"]
    assert "Suspicious slices" not in dict(definitions.blocks[0].items)
    with pytest.raises(UsageError, match="has 6 slices and 1 frames, the model takes single pictures"):
        predictor({"image": VOLUME}, tmp_path / "b")


@pytest.fixture(scope="module")
def resnet_model(tmp_path_factory):
    """An untrained ResNet for pictures, with a head of two layers."""
    folder = tmp_path_factory.mktemp("resnet")
    net = {"name": "resnet", "depth": 18, "factor": 0.125, "inputs": 1}
    return export(folder, of_pictures(make_pictures(folder / "data", 16), net=net, hidden=8))[0]


def test_grad_cam_of_the_leading_finding(resnet_model, tmp_path):
    picture = Scan.from_array(np.random.default_rng(0).normal(size=(64, 96, 1)).astype(np.float32))
    predictor = FinetunePredictor(resnet_model, "cpu", {"heat_map": "grad-cam"})
    heat = predictor({"image": picture}, tmp_path / "a").measures["heat_map"]
    assert (heat["shows"], heat["threshold"]) == ("grad-cam", None)
    encoder, c = predictor.model.encoder, predictor.model.calibration.classes.index(heat["class"])
    x = torch.from_numpy(picture.values()[0, 0, :, :, 0].T[None, None].copy())
    expected = grad_cam(encoder.part.net, predictor.model.place_logits, x, c)[0]
    found_HW = np.load(tmp_path / "a" / "heat_patches.npy")
    np.testing.assert_allclose(found_HW, expected / predictor.model.calibration.temperatures[c], rtol=1e-4, atol=1e-7)
    assert found_HW.shape == (3, 2)
    assert np.load(tmp_path / "a" / "heat_map.npy").shape == (96, 64)
    usual = FinetunePredictor(resnet_model, "cpu")
    assert usual({"image": picture}, tmp_path / "b").measures["heat_map"]["shows"] == "logit"


def test_where_no_place_speaks_for_the_finding(resnet_model, tmp_path, monkeypatch):
    predictor = FinetunePredictor(resnet_model, "cpu", {"heat_map": "grad-cam"})
    monkeypatch.setattr(predictor.model, "grad_cam", lambda *_: np.zeros((2, 2), np.float32))
    picture = Scan.from_array(np.zeros((64, 64, 1), np.float32))
    done = predictor({"image": picture}, tmp_path / "a")
    section = predictor.sections({"a": done.measures}, {"a": {"heat": "h.png"}}, {})[0]
    assert section.blocks[-1].caption.startswith("Nothing is coloured, as no place speaks for")


def test_a_transformer_has_no_grad_cam(picture_model):
    with pytest.raises(UsageError, match="is no ResNet or BiT, so there is no Grad-CAM; take logit"):
        FinetunePredictor(picture_model[0], "cpu", {"heat_map": "grad-cam"})
