import pytest
import torch
from torch import nn

from vesalius.errors import UsageError
from vesalius.nets.lora import LoraConfig, LoraLinear, add_lora, merge_lora
from vesalius.nets.next_dit import NextDiT
from vesalius.weights.keymap import KeyMap, match

SIZES = NextDiT(inputs=3, width=32, depth=2, heads=4, patch=4, text_width=12, mask_channels=1)


def random_net():
    torch.manual_seed(0)
    net = SIZES.make()
    for parameter in net.parameters():
        parameter.data = torch.randn_like(parameter) * 0.2
    return net


def given():
    torch.manual_seed(1)
    x, kept = torch.randn(2, 3, 8, 8), torch.ones(2, 5).bool()
    return x, torch.rand(2), torch.randn(2, 5, 12), kept, torch.ones(2, 1, 8, 8)


def trained(net, steps=5):
    optimizer = torch.optim.SGD([weight for weight in net.parameters() if weight.requires_grad], 0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        net(*given()).square().mean().backward()
        optimizer.step()


def test_the_change_begins_at_0_and_only_it_learns():
    net, plain = random_net(), random_net()
    add_lora(net, LoraConfig(rank=2, also=("stem.project_mask.*",)))
    assert net(*given()).equal(plain(*given()))
    learns = [name for name, weight in net.named_parameters() if weight.requires_grad]
    assert len(learns) == 2 * 4 * SIZES.depth + 1
    assert all(".lora_" in name or name == "stem.project_mask.weight" for name in learns)
    trained(net)
    assert not torch.allclose(net(*given()), plain(*given()))
    for name, weight in plain.named_parameters():
        assert net.get_parameter(name).equal(weight) == (name != "stem.project_mask.weight")


def test_the_change_by_hand():
    layer = LoraLinear(nn.Linear(3, 2), 1, 0.5)
    layer.lora_up.data.fill_(2)
    x = torch.tensor([[1.0, -2.0, 3.0]])
    wanted = x @ layer.weight.T + layer.bias + 0.5 * 2 * (x @ layer.lora_down.T)
    torch.testing.assert_close(layer(x), wanted)


def test_merged_it_has_its_own_layers_and_answers_the_same():
    net, plain = random_net(), random_net()
    add_lora(net, LoraConfig(rank=2, alpha=4, layers=("*.attention.*", "*.feed_forward.down", "stem.project")))
    trained(net)
    before = net(*given())
    merge_lora(net)
    torch.testing.assert_close(net(*given()), before, atol=1e-4, rtol=1e-4)
    assert {name: weight.shape for name, weight in net.state_dict().items()} == {
        name: weight.shape for name, weight in plain.state_dict().items()
    }
    plain.load_state_dict(net.state_dict())
    assert not any(isinstance(layer, LoraLinear) for layer in net.modules())


def test_weights_of_the_plain_net_load():
    net, plain = random_net(), SIZES.make()
    add_lora(net, LoraConfig())
    match(plain.state_dict(), net, KeyMap(), allow=["*.lora_*"])
    assert net(*given()).equal(plain(*given()))


def test_names_that_name_nothing():
    with pytest.raises(UsageError, match=r"lora.layers: \*\.attn names no linear layer; their names are like"):
        add_lora(random_net(), LoraConfig(layers=("*.attn",)))
    with pytest.raises(UsageError, match=r"lora\.also: nothing names no tensor"):
        add_lora(random_net(), LoraConfig(also=("nothing",)))
