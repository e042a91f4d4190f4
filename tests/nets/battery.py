"""What every network must do."""

import torch

from vesalius.nets.net import Net
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained


def make(config: Net, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return config.make()


def as_one(output) -> torch.Tensor:
    """What a net gives, in one tensor: several maps are laid end to end."""
    return output if isinstance(output, torch.Tensor) else torch.cat([part.flatten() for part in output])


def check_saved_equals_loaded(config: Net, x: torch.Tensor, folder) -> None:
    net = make(config, 3).eval()
    save_pretrained(folder, {"net": net}, ModelConfig.of("test", {"net": config}))
    loaded = from_pretrained(folder, "test")
    assert loaded.parts["net"].config == config
    with torch.no_grad():
        assert torch.equal(as_one(loaded.net(x)), as_one(net(x)))


def check_bf16(config: Net, x: torch.Tensor, within: float) -> None:
    net = make(config).eval()
    with torch.no_grad():
        exact = as_one(net(x))
        with torch.autocast("cpu", torch.bfloat16):
            rough = as_one(net(x)).float()
    assert torch.isfinite(rough).all()
    assert (rough - exact).abs().max() <= within * exact.abs().max()


def check_overfits(
    config: Net, x: torch.Tensor, target: torch.Tensor, steps: int = 60, below: float = 0.1, logits=as_one
) -> None:
    """Cross-entropy on a few samples falls under a bound; `logits` takes them from what the net gives."""
    net = make(config)
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(net(x)), target)
        loss.backward()
        optimizer.step()
    assert loss.item() < below
