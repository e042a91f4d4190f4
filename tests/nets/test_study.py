import pytest
import torch

from nets.battery import as_one, make
from vesalius.nets.study import StudyHead
from vesalius.nets.table import AGGREGATES
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

X = torch.randn(4, 3, 8, generator=torch.Generator().manual_seed(0))
THERE = torch.arange(3) < torch.tensor([[3], [2], [1], [3]])


def config(name):
    return StudyHead.build(inputs=8, outputs=2, hidden=16, aggregate={"name": name})


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_battery(name, tmp_path):
    net = make(config(name), 3).eval()
    study, slices = net(X, THERE)
    assert study.shape == (4, 2)
    assert slices.shape == (4, 3, 2)
    save_pretrained(tmp_path, {"net": net}, ModelConfig.of("test", {"net": config(name)}))
    loaded = from_pretrained(tmp_path, "test")
    assert loaded.parts["net"].config == config(name)
    assert torch.equal(as_one(loaded.net(X, THERE)), as_one((study, slices)))
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(X, THERE)[0].float()
    assert (rough - study).abs().max() <= 0.05 * study.abs().max() + 0.01


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_overfits(name):
    net, target = make(config(name)), torch.tensor([0, 1, 1, 0])
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(X, THERE)[0], target)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_a_study_of_one_slice_is_that_slice(name):
    study, slices = make(config(name)).eval()(X[:, :1], THERE[:, :1])
    torch.testing.assert_close(study, slices[:, 0])


def test_logits_of_a_study_are_among_those_of_its_slices():
    study, slices = make(config("max")).eval()(X, THERE)
    assert torch.equal(study[1], slices[1, :2].amax(0))
