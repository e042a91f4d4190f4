import pytest
import torch

from vesalius.errors import TrainingError
from vesalius.tasks.voco.health import VolumeHealth, batch_health


def test_healthy_and_collapsed_crops():
    labels = torch.rand(2, 3, 4)
    healthy = batch_health(torch.eye(4).expand(2, 4, 4), labels, 2 * labels)
    assert healthy["base_cosine"] == pytest.approx(0)
    assert healthy["label_correlation"] == pytest.approx(1, abs=1e-5)
    assert healthy["effective_rank"] == pytest.approx(4)
    flat = batch_health(torch.ones(2, 4, 4), labels, torch.full((2, 3, 4), 0.3))
    assert (flat["base_cosine"], flat["label_correlation"]) == (pytest.approx(1), 0)
    assert (flat["spread"], flat["effective_rank"]) == (pytest.approx(0, abs=1e-6), pytest.approx(1))


def test_alike_crops_of_unknown_overlap_end_a_run():
    rule = VolumeHealth(grace=2)
    alike = {"spread": 0.2, "effective_rank": 2.0, "base_cosine": 0.95, "label_correlation": 0.02}
    rule.check_volumes(alike, 1)
    rule.check_volumes(alike | {"label_correlation": 0.6}, 2)
    rule.check_volumes({"spread": 0.2, "effective_rank": 2.0}, 2)
    with pytest.raises(
        TrainingError, match=r"collapsed after 2 epochs: different crops .*cosine 0.95.*; lower"
    ) as told:
        rule.check_volumes(alike, 2)
    assert "\n" not in str(told.value)
