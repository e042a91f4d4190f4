import torch
from torch import nn

from vesalius.training.task import bare, frozen, mean_logs, parameters_of


def test_shared_parameters_are_trained_once():
    shared = nn.Linear(2, 2)
    modules = {"a": nn.Sequential(shared, nn.Linear(2, 1)), "b": nn.Sequential(shared)}
    names = [name for name, _ in parameters_of(modules, ("a", "b"))]
    assert names == ["a.0.weight", "a.0.bias", "a.1.weight", "a.1.bias"]
    modules["a"][1].requires_grad_(False)
    assert len(parameters_of(modules, ("a",))) == 2


def test_frozen_gives_back_what_was_free():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False))
    with frozen(net):
        assert not any(p.requires_grad for p in net.parameters())
    assert [p.requires_grad for p in net.parameters()] == [True, True, False, False]


def test_bare_looks_only_through_wrappers():
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nn.Linear(1, 1)

    holder = Holder()
    assert bare(holder) is holder
    assert bare(nn.DataParallel(holder)) is holder


def test_means_of_what_each_batch_tells():
    logs = [{"a": torch.tensor(1.0, requires_grad=True), "b": 2.0}, {"a": 3.0}]
    assert mean_logs(logs) == {"a": 2.0, "b": 2.0}
