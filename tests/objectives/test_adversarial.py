"""Losses of generator and discriminator."""

import pytest

torch = pytest.importorskip("torch")

from vesalius.objectives.adversarial import LeCam, discriminator_hinge, generator_hinge  # noqa: E402


def verdicts(seed):
    return torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(seed)) * 2


def test_hinge_slowly():
    real, fake = verdicts(1), verdicts(2)
    total = 0.0
    for value in real.flatten().tolist():
        total += 0.5 * max(0.0, 1 - value) / real.numel()
    for value in fake.flatten().tolist():
        total += 0.5 * max(0.0, 1 + value) / fake.numel()
    assert discriminator_hinge(real, fake).item() == pytest.approx(total, rel=1e-5)
    assert generator_hinge(fake).item() == pytest.approx(-sum(fake.flatten().tolist()) / fake.numel(), rel=1e-5)


def test_lecam_slowly():
    lecam = LeCam(decay=0.9)
    mean_real = mean_fake = 0.0
    for step in range(3):
        real, fake = verdicts(step), verdicts(step + 10)
        loss = lecam(real, fake)
        mean_real = 0.9 * mean_real + 0.1 * real.mean().item()
        mean_fake = 0.9 * mean_fake + 0.1 * fake.mean().item()
        expected = sum(max(0.0, value - mean_fake) ** 2 for value in real.flatten().tolist()) / real.numel()
        expected += sum(max(0.0, mean_real - value) ** 2 for value in fake.flatten().tolist()) / fake.numel()
        assert loss.item() == pytest.approx(expected, rel=1e-4)
    lecam.eval()
    kept = lecam.means.clone()
    lecam(verdicts(7), verdicts(8))
    assert torch.equal(lecam.means, kept)


def test_lecam_lets_gradients_flow_after_its_averages_moved():
    lecam = LeCam()
    real = verdicts(1).requires_grad_()
    first, second = lecam(real, verdicts(2)), lecam(real, verdicts(3))
    (first + second).backward()
    assert real.grad.abs().sum() > 0
