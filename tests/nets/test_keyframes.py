import pytest
import torch

from vesalius.nets.keyframes import KeyframeSelector, quantiles

STRATEGIES = ("uniform", "content", "attention", "fused")


def still_then_moving(frames: int = 24) -> torch.Tensor:
    """Two modalities whose pictures change in the last third only."""
    x_BMFJI = torch.zeros(1, 2, frames, 16, 16)
    for frame in range(2 * frames // 3, frames):
        x_BMFJI[:, :, frame, :, frame % 4 :: 4] = 1
    return x_BMFJI


def chosen(strategy: str, x: torch.Tensor, *, training: bool = False, most: int = 6):
    torch.manual_seed(0)
    selector = KeyframeSelector(strategy, most, x.shape[1], 0.3).train(training)
    return selector, selector(x, torch.ones(x.shape[:2], dtype=torch.bool))


def test_quantiles_slowly():
    density = torch.rand(1, 7, generator=torch.Generator().manual_seed(0)) + 0.1
    density = density / density.sum()
    share = torch.tensor([[0.0, 0.2, 0.55, 0.99]])
    for target, position in zip(share[0].tolist(), quantiles(density, share)[0].tolist(), strict=True):
        total, frame = 0.0, 0
        while total + float(density[0, frame]) < target:
            total += float(density[0, frame])
            frame += 1
        exact = frame - 0.5 + (target - total) / float(density[0, frame])
        assert position == pytest.approx(min(max(exact, 0), 6), abs=1e-4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_frames_are_ordered_and_differ_and_are_those_of_the_scan(strategy):
    x = torch.randn(3, 2, 20, 8, 8)
    for training in (False, True):
        _, (positions, pictures) = chosen(strategy, x, training=training)
        assert (positions.diff(dim=1) >= 1).all()
        assert positions.min() >= 0
        assert positions.max() <= 19
        for scan in range(3):
            assert torch.equal(pictures[scan], x[scan][:, positions[scan].detach().long()])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_evaluation_is_deterministic_and_training_draws(strategy):
    x = torch.randn(1, 2, 40, 8, 8)
    present = torch.ones(1, 2, dtype=torch.bool)
    selector, first = chosen(strategy, x)
    assert torch.equal(first.positions_BN, selector(x, present).positions_BN)
    selector.train()
    assert len({tuple(selector(x, present).positions_BN[0].tolist()) for _ in range(8)}) > 1


def test_uniform_is_evenly_spaced_and_short_stacks_are_whole():
    steps = chosen("uniform", torch.zeros(1, 1, 60, 8, 8))[1].positions_BN.diff(dim=1)
    assert steps.min() >= 9
    assert steps.max() <= 11
    for strategy in STRATEGIES:
        assert chosen(strategy, torch.randn(1, 1, 4, 8, 8))[1].positions_BN.tolist() == [[0, 1, 2, 3]]
        assert chosen(strategy, torch.randn(1, 1, 1, 8, 8))[1].positions_BN.tolist() == [[0]]


def test_content_goes_where_the_pictures_change():
    x = still_then_moving()
    share = {name: (chosen(name, x)[1].positions_BN >= 15).float().mean().item() for name in ("uniform", "content")}
    assert share["content"] > share["uniform"]


@pytest.mark.parametrize("strategy", ["attention", "fused"])
def test_what_is_learned_gets_a_gradient_in_training(strategy):
    selector, keyframes = chosen(strategy, torch.randn(2, 2, 20, 8, 8), training=True)
    keyframes.pictures_BMNJI.square().sum().backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in selector.parameters())


def test_a_missing_modality_is_not_looked_at():
    x = still_then_moving()
    present = torch.tensor([[True, False]])
    selector, _ = chosen("fused", x)
    other = x.clone()
    other[:, 1] = torch.randn_like(other[:, 1])
    assert torch.equal(selector(x, present).positions_BN, selector(other, present).positions_BN)
