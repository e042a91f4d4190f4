import pytest
import torch

from nets.battery import as_one, check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.nets.head import Head, StudyHead
from vesalius.nets.table import AGGREGATES
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

SMALL = Head(inputs=8, outputs=3, hidden=16)


def test_layers():
    kinds = [type(part).__name__ for part in make(SMALL)]
    assert kinds == ["LayerNorm", "Linear", "GELU", "Dropout", "Linear"]
    assert make(SMALL)[3].p == 0.2
    assert Head(inputs=8, outputs=3).hidden == 256
    for hidden in (0, -1):
        assert isinstance(make(Head(inputs=8, outputs=3, hidden=hidden)), torch.nn.Linear)
    assert make(SMALL)(torch.zeros(2, 5, 8)).shape == (2, 5, 3)


def test_battery(tmp_path):
    torch.manual_seed(0)
    x, target = torch.randn(6, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    for config in (SMALL, SMALL.model_copy(update={"hidden": 0})):
        check_saved_equals_loaded(config, x, tmp_path)
        check_bf16(config, x, within=0.05)
        check_overfits(config, x, target, steps=400, below=0.3)


X = torch.randn(4, 3, 8, generator=torch.Generator().manual_seed(0))
THERE = torch.arange(3) < torch.tensor([[3], [2], [1], [3]])


def study_head(name):
    return StudyHead.build(inputs=8, outputs=2, hidden=16, aggregate={"name": name})


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_battery_of_a_study(name, tmp_path):
    net = make(study_head(name), 3).eval()
    study, slices = net(X, THERE)
    assert study.shape == (4, 2)
    assert slices.shape == (4, 3, 2)
    save_pretrained(tmp_path, {"net": net}, ModelConfig.of("test", {"net": study_head(name)}))
    loaded = from_pretrained(tmp_path, "test")
    assert loaded.parts["net"].config == study_head(name)
    assert torch.equal(as_one(loaded.net(X, THERE)), as_one((study, slices)))
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(X, THERE)[0].float()
    assert (rough - study).abs().max() <= 0.05 * study.abs().max() + 0.01


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_a_study_head_overfits(name):
    net, target = make(study_head(name)), torch.tensor([0, 1, 1, 0])
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(X, THERE)[0], target)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_a_study_of_one_slice_is_that_slice(name):
    study, slices = make(study_head(name)).eval()(X[:, :1], THERE[:, :1])
    torch.testing.assert_close(study, slices[:, 0])


def test_logits_of_a_study_are_among_those_of_its_slices():
    study, slices = make(study_head("max")).eval()(X, THERE)
    assert torch.equal(study[1], slices[1, :2].amax(0))
