import pytest
import torch

from vesalius.nets.rollout import attends, attention_rollout
from vesalius.nets.unet import UNet
from vesalius.nets.vit import DinoV2, ViT


def by_hand(net, x):
    """Queries and keys from each block's own input, one head at a time."""
    vit, given = net.vit, []
    hooks = [
        block.attn.register_forward_hook(lambda _m, i, k, _o: given.append((i[0], k)), with_kwargs=True)
        for block in vit.blocks
    ]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    total = None
    for block, (tokens, options) in zip(vit.blocks, given, strict=True):
        attention = block.attn
        width = tokens.shape[-1] // attention.num_heads
        q, k, _ = attention.qkv(tokens).reshape(*tokens.shape[:2], 3, attention.num_heads, width).unbind(2)
        mean = 0
        for head in range(attention.num_heads):
            one, other = (turned(part[:, :, head], options.get("rope"), attention) for part in (q, k))
            mean = mean + (one @ other.transpose(1, 2) / width**0.5).softmax(-1) / attention.num_heads
        mixed = 0.5 * mean + 0.5 * torch.eye(tokens.shape[1])
        total = mixed if total is None else mixed @ total
    return total[:, 0, vit.num_prefix_tokens :]


def turned(x_BND, rope, attention):
    """Rotary positions of the patches: halves of each vector turned by their angle."""
    if rope is None:
        return x_BND
    sin, cos = rope.chunk(2, -1)
    first = attention.num_prefix_tokens
    patches = x_BND[:, first:]
    if getattr(attention, "rotate_half", False):
        a, b = patches.chunk(2, -1)
        other = torch.cat([-b, a], -1)
    else:
        other = torch.stack([-patches[..., 1::2], patches[..., ::2]], -1).flatten(-2)
    return torch.cat([x_BND[:, :first], patches * cos + other * sin], 1)


@pytest.mark.parametrize("config", [ViT(size="tiny", depth=2), DinoV2(size="tiny", depth=2, side=42)])
def test_product_of_the_attentions(config):
    torch.manual_seed(0)
    net = config.make().eval()
    x = torch.randn(2, 3, 3 * config.divisor, 3 * config.divisor)
    with torch.no_grad():
        for name, one in net.named_parameters():
            if "qkv" in name:
                one.normal_(0, 0.2)
        before = net(x)[0]
    found = attention_rollout(net, x)
    assert found.shape == (2, 9)
    assert (found > 0).all()
    assert (found.sum(1) < 1).all()
    torch.testing.assert_close(found, by_hand(net, x).detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(net(x)[0], before)  # left as it was
    assert found.std() > 1e-3


def test_nets_without_attention():
    unet = UNet(dims=2, inputs=1, outputs=2, channels=(4, 8)).make()
    assert not attends(unet)
    net = ViT(size="tiny", depth=1).make()
    assert attends(net)
    net.vit.blocks[0].attn = torch.nn.Identity()
    assert not attends(net)
    with pytest.raises(ValueError, match="no attention"):
        attention_rollout(net, torch.zeros(1, 3, 32, 32))
