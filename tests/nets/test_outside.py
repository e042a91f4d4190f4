import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vesalius.errors import InputError
from vesalius.nets.outside import Outside, weights_in


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    save_file({"a": torch.zeros(2)}, tmp_path / "b.safetensors")
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    return tmp_path


def test_the_state_is_the_digest_alone(folder):
    layer = nn.Linear(2, 2)
    outside = Outside(layer, weights_in(folder))
    assert list(outside.state_dict()) == ["digest"]
    assert not list(outside.parameters())
    assert outside.net() is layer
    assert not layer.weight.requires_grad
    other = Outside(nn.Linear(2, 2), weights_in(folder))
    other.load_state_dict(outside.state_dict())
    assert other.net()


def test_other_weights_are_refused_when_they_are_used(folder):
    state = Outside(nn.Linear(2, 2), weights_in(folder)).state_dict()
    save_file({"a": torch.ones(2) * 2}, folder / "b.safetensors")
    outside = Outside(nn.Linear(2, 2), weights_in(folder))
    outside.load_state_dict(state)
    with pytest.raises(InputError, match="holds other weights than those that the model was trained with"):
        outside.net()


def test_folders_that_hold_no_network(folder, tmp_path):
    assert [path.name for path in weights_in(folder)] == ["a.safetensors", "b.safetensors"]
    with pytest.raises(InputError, match="is not a folder"):
        weights_in(tmp_path / "none")
    with pytest.raises(InputError, match=r"holds no model.json"):
        weights_in(folder, "model.json")
    for path in weights_in(folder):
        path.unlink()
    with pytest.raises(InputError, match="holds no safetensors files"):
        weights_in(folder)
    with pytest.raises(InputError, match="there are no weights"):
        Outside(nn.Linear(2, 2), [])
