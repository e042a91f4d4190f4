import json
import re

import pytest
import torch
from torch import nn

from vesalius.errors import InputError
from vesalius.weights.keymap import KeyMap, match
from vesalius.weights.rules import Drop, Strip

MAP = KeyMap(("state_dict", "model"), (Strip("module."), Drop("^head", "classes of another task")))


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def given_state(**changes):
    state = {f"module.{name}": tensor + 1 for name, tensor in net().state_dict().items()}
    return {name: one for name, one in (state | changes).items() if one is not None}


def test_wrappers_are_opened_from_outside_in():
    module = net()
    report = match({"state_dict": {"model": given_state(), "lr": 0.1}, "epoch": 2}, module, MAP)
    assert report.dropped == (("epoch", "beside state_dict"), ("state_dict.lr", "beside state_dict.model"))
    assert torch.equal(module.state_dict()["0.weight"], net().state_dict()["0.weight"] + 1)
    assert module.state_dict()["1.num_batches_tracked"].item() == 1
    assert report.parameters == 6 + 3 + 4 * 3 + 1


def test_numbers_are_cast_to_the_network():
    module = net()
    state = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in given_state().items()}
    match(state, module, MAP)
    assert module.state_dict()["0.weight"].dtype == torch.float32


def test_nothing_is_loaded_unless_all_fits():
    module = net()
    state = given_state(**{"module.0.bias": None, "module.2.weight": torch.zeros(1), "module.1.bias": torch.zeros(4)})
    told = "1 missing (0.bias); 1 unexpected (module.2.weight); 1 of another shape (1.bias is 4 instead of 3)"
    with pytest.raises(InputError, match=re.escape(f"does not fit the network: {told}")):
        match(state, module, MAP)
    assert all(torch.equal(tensor, net().state_dict()[name]) for name, tensor in module.state_dict().items())


def test_what_is_named_may_differ():
    module = net()
    state = given_state(**{"module.0.bias": None, "module.2.weight": torch.zeros(1), "module.1.bias": torch.zeros(4)})
    report = match(state, module, MAP, ["0.bias", "module.2.*", "1.bia?"])
    assert report.allowed == (("0.bias", "missing"), ("module.2.weight", "unexpected"), ("1.bias", "shape"))
    assert report.fits
    assert torch.equal(module.state_dict()["1.bias"], net().state_dict()["1.bias"])


def test_nothing_at_all_is_no_match_even_if_allowed():
    with pytest.raises(InputError, match="no tensor fits"):
        match({"x": torch.zeros(1)}, net(), MAP, ["*"])


def test_damaged_numbers_are_refused():
    with pytest.raises(InputError, match=r"module.0.bias holds NaN"):
        match(given_state(**{"module.0.bias": torch.tensor([1.0, float("nan"), 0.0])}), net(), MAP)


def test_what_is_no_tensor_is_said():
    report = match(given_state(version="3"), net(), MAP)
    assert report.dropped == (("version", "no tensor"),)
    assert json.loads(json.dumps(report.as_dict()))["counts"]["loaded"] == 7
