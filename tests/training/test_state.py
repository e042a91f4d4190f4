import pytest
import torch
from torch import nn

from vesalius.errors import CorruptFileError
from vesalius.training.config import OptimizerConfig
from vesalius.training.optimizers import make_optimizer
from vesalius.training.state import State, gather, load_state, part, restore, save_state


def trained(name):
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    optimizer = make_optimizer(OptimizerConfig(name=name), list(net.parameters()))
    for _ in range(3):
        net(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    return net, optimizer


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_everything_comes_back_bit_for_bit(tmp_path, name):
    net, optimizer = trained(name)
    extra = {"queue": torch.arange(5), "half": torch.ones(2, dtype=torch.bfloat16)}
    save_state(
        gather({"net": net}, {"net": optimizer}, {"x": torch.ones(2)}, extra, {"step": 3, "best": 0.1}), tmp_path
    )
    state = load_state(tmp_path)
    assert (state.numbers["step"], state.numbers["best"]) == (3, 0.1)
    other, again = trained(name)
    restore(state, {"net": other}, {"net": again})
    for key, value in net.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value, rtol=0, atol=0)
    old, new = optimizer.state_dict()["state"], again.state_dict()["state"]
    assert old.keys() == new.keys()
    for index, entry in old.items():
        for key, value in entry.items():
            torch.testing.assert_close(new[index][key], value, rtol=0, atol=0)
    assert set(part(state.tensors, "extra/")) == {"queue", "half"}
    assert not list(tmp_path.glob(".*part*"))


def test_what_does_not_fit(tmp_path):
    net, optimizer = trained("adamw")
    state = gather({"net": net}, {"net": optimizer}, {}, {}, {})
    with pytest.raises(CorruptFileError, match="does not fit"):
        restore(state, {"net": nn.Linear(2, 2)}, {})
    with pytest.raises(CorruptFileError, match="does not fit"):
        restore(State({}, {}), {"net": net}, {})


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 64])
def test_damaged_files(tmp_path, damage):
    (tmp_path / "state.safetensors").write_bytes(damage)
    with pytest.raises(CorruptFileError, match="no readable state"):
        load_state(tmp_path)
    with pytest.raises(CorruptFileError, match="no readable state"):
        load_state(tmp_path / "none")
