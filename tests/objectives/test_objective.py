import pytest
import torch

from vesalius.errors import ConfigError
from vesalius.objectives.dice_ce import DiceCe
from vesalius.objectives.objective import OBJECTIVES, Objective


def test_every_loss_is_made_by_its_name():
    for name in OBJECTIVES:
        assert callable(Objective.read({"name": name}).make())
    with pytest.raises(ConfigError, match="no such loss"):
        Objective.read({"name": "dise_ce"})


def test_dice_ce_takes_classes_and_missing_classes_from_the_batch():
    logits, classes = torch.randn(2, 3, 5), torch.randint(0, 3, (2, 5))
    missing = torch.tensor([[False, False, True], [False, False, False]])
    loss = Objective.read({"name": "dice_ce", "ce": 0.5, "over": "batch"}).make()
    total, terms = loss(logits, {"classes": classes, "missing": missing})
    assert total == DiceCe(1.0, 0.5, "batch")(logits, classes, missing)
    assert terms == {}
