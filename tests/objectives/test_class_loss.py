import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from vesalius.errors import ConfigError
from vesalius.objectives.class_loss import AnyClassLoss, BceLoss, SoftmaxLoss
from vesalius.objectives.masked_bce import MaskedBce
from vesalius.objectives.soft_ce import SoftCe

READ = TypeAdapter(AnyClassLoss).validate_python


def test_a_loss_without_a_name_is_bce():
    assert READ({"positive": 2.0}) == BceLoss(positive=2.0)
    assert READ({"name": "softmax", "smoothing": 0.1}) == SoftmaxLoss(smoothing=0.1)
    with pytest.raises((ConfigError, ValidationError), match="no such loss of classes"):
        READ({"name": "hinge"})


def test_makes_the_losses_of_pictures_and_of_places():
    logits, labels = torch.randn(4, 3), torch.eye(3)[[0, 1, 2, 0]]
    bce, softmax = BceLoss(positive=2.0, places=1.0, place_positive=3.0), SoftmaxLoss(smoothing=0.2)
    assert bce.of_pictures(3)(logits, labels) == MaskedBce([2.0] * 3)(logits, labels)
    assert bce.of_places(3)(logits, labels) == MaskedBce([3.0] * 3)(logits, labels)
    assert softmax.of_pictures(3)(logits, labels) == SoftCe(0.2)(logits, labels)
    assert softmax.of_places(3) is None
    assert BceLoss().of_places(3) is None
