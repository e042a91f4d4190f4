import numpy as np
import pytest
import torch

from tasks.detect.tiny import AFFINE, head, make_model, prepare
from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.nets.aggregate import GatedAttention, Gru, Max, Mean
from vesalius.scan.scan import Scan
from vesalius.tasks.detect.detector import Detector
from vesalius.tasks.encode.slices import Slices
from vesalius.weights.saved import from_pretrained, save_pretrained

SLICES = Slices.of(Scan.from_array(head(0, True), AFFINE), prepare())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_probabilities_are_those_of_head_and_encoder(tmp_path):
    detector = Detector.from_pretrained(make_model(tmp_path, slices={"stride": 2}))
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
    detector = Detector.from_pretrained(make_model(tmp_path, slices={"least_body": 0.02}))
    found = detector(slices)
    assert found.numbers.tolist() == [2, 3, 4, 5]
    assert found.slices_LC.shape == (4, 2)


@pytest.mark.parametrize("aggregate", [Mean(), Max(), GatedAttention(hidden=4), Gru(hidden=4)])
def test_a_patch_is_judged_as_a_study_of_its_own(tmp_path, aggregate):
    detector = Detector.from_pretrained(make_model(tmp_path, aggregate=aggregate))
    patches = np.random.default_rng(0).normal(size=(2, 3, 192)).astype(np.float32)
    found = detector.patch_logits(patches, 1)
    net = from_pretrained(tmp_path, only="head").net
    with torch.no_grad():
        one = net(torch.from_numpy(patches[1, 2])[None, None], torch.ones(1, 1, dtype=torch.bool))[0]
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(one[0, 1].item() / 2, abs=1e-5)


def test_the_leading_class_is_farthest_above_its_threshold(tmp_path):
    detector = Detector.from_pretrained(make_model(tmp_path, classes=("a", "b", "c")))
    calibration = detector.calibration.model_copy(update={"thresholds": (0.9, 0.2, None)})
    assert calibration.leading(np.array([0.92, 0.6, 0.7])) == 1
    assert calibration.leading(np.array([0.92, 0.1, 0.7])) == 2
    assert calibration.leading(np.array([1.0, 0.1, 0.7])) == 0


def test_rollout_on_the_grid_of_the_patches(tmp_path):
    detector = Detector.from_pretrained(make_model(tmp_path))
    found = detector.encoder.rollout(SLICES, 2)
    assert found.shape == (2, 2)
    assert 0 < found.sum() < 1000
    detector.encoder.part.net.vit.blocks[0].attn = torch.nn.Identity()
    with pytest.raises(UsageError, match="shows no attention"):
        detector.encoder.rollout(SLICES, 2)


def test_parts_that_do_not_belong_together(tmp_path):
    make_model(tmp_path / "a")
    assert Detector.from_pretrained(tmp_path / "a").digest() == Detector.from_pretrained(tmp_path / "a").digest()
    make_model(tmp_path / "b", seed=1)
    (tmp_path / "a" / "encoder.safetensors").rename(tmp_path / "b" / "encoder.safetensors")
    with pytest.raises(CorruptFileError, match="not the encoder that the head was trained on"):
        Detector.from_pretrained(tmp_path / "b")
    make_model(tmp_path / "c")
    text = (tmp_path / "c" / "calibration.json").read_text()
    (tmp_path / "c" / "calibration.json").write_text(text.replace("subdural", "epidural"))
    with pytest.raises(CorruptFileError, match="to other classes"):
        Detector.from_pretrained(tmp_path / "c")
    make_model(tmp_path / "e")
    (tmp_path / "e" / "encoder.safetensors").unlink()
    with pytest.raises(CorruptFileError, match=r"e/encoder.safetensors: is missing from the model folder"):
        Detector.from_pretrained(tmp_path / "e")
    bare = make_model(tmp_path / "d")
    model = from_pretrained(bare)
    config = model.config.model_copy(update={"settings": {**model.config.settings, "encoder": None}})
    save_pretrained(bare, model.parts, config)
    with pytest.raises(InputError, match="trained on precomputed vectors"):
        Detector.from_pretrained(bare)
