"""tests/cli/test_finetuned.py goes the whole way from training to predictions."""

import numpy as np
import pytest

from tasks.finetune.small import AFFINE, volume
from vesalius.errors import UsageError
from vesalius.scan.scan import Scan
from vesalius.tasks.finetune.predict import FinetunePredictor

VOLUME = Scan.from_array(volume(3)[0], AFFINE)


def test_slices_of_a_volume(volume_model, tmp_path):
    predictor = FinetunePredictor(volume_model[0], "cpu", {"top_k": 2, "heat_map": "rollout"})
    done = predictor({"image": VOLUME}, tmp_path / "a")
    assert len(done.measures["top_slices"]) == 2
    assert done.measures["heat_map"]["shows"] == "rollout"
    assert "most suspicious slice" in predictor.summary(done.measures)
    head, _, definitions = predictor.sections({"a": done.measures}, {})
    assert "the more slices a scan has" in head.blocks[1].text
    assert dict(definitions.blocks[0].items)["Probability"].startswith("The highest of the slices.")


def test_a_picture(picture_model, tmp_path):
    predictor = FinetunePredictor(picture_model[0], "cpu")
    picture = Scan.from_array(volume(3)[0][:, :, :1], AFFINE)
    done = predictor({"image": picture}, tmp_path / "a")
    assert np.load(tmp_path / "a" / "slice_probs.npy").shape == (1, 2)
    assert "slice" not in predictor.summary(done.measures)
    _, section, definitions = predictor.sections({"a": done.measures}, {"a": {"heat": "h.png", "profile": "p.png"}})
    assert [block.kind for block in section.blocks] == ["text", "figure"] or len(section.blocks) == 1
    assert "Suspicious slices" not in dict(definitions.blocks[0].items)
    with pytest.raises(UsageError, match="has 6 slices and 1 frames, the model takes single pictures"):
        predictor({"image": VOLUME}, tmp_path / "b")
