import pytest
import torch

from vesalius.training.config import OptimizerConfig
from vesalius.training.optimizers import make_optimizer


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_vectors_are_not_decayed(name):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    optimizer = make_optimizer(OptimizerConfig(name=name, lr=0.1, weight_decay=0.3), list(net.parameters()))
    decays = {
        parameter.ndim: group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]
    }
    assert decays == {2: 0.3, 1: 0.0}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4


def test_only_vectors_or_nothing():
    optimizer = make_optimizer(OptimizerConfig(), [torch.nn.Parameter(torch.ones(3))])
    assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="nothing to train"):
        make_optimizer(OptimizerConfig(), [])
