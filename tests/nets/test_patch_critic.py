"""A discriminator of patches, and random features."""

import pytest

torch = pytest.importorskip("torch")

from vesalius.nets.patch_critic import RandomFeatures, patch_critic  # noqa: E402


def test_each_verdict_is_about_a_patch():
    critic = patch_critic(1, 8, 2).eval()
    x = torch.rand(1, 1, 32, 40, requires_grad=True)
    verdicts = critic(x)
    assert verdicts.shape == (1, 1, 8, 10)
    with torch.no_grad():
        for layer in critic:  # norms see the whole picture: without them the reach is that of the convolutions
            if isinstance(layer, torch.nn.GroupNorm):
                layer.forward = lambda y: y
    critic(x)[0, 0, 4, 5].backward()
    rows, columns = x.grad[0, 0].nonzero().unbind(1)
    assert rows.max() - rows.min() + 1 == columns.max() - columns.min() + 1 == 18  # 3 * 4 of the last, then 4 and 4


def test_it_learns_to_tell_noise_from_smooth():
    torch.manual_seed(0)
    critic = patch_critic(1, 8, 2)
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3)
    from vesalius.objectives.adversarial import discriminator_hinge

    for _ in range(60):
        noise = torch.rand(4, 1, 16, 16)
        smooth = torch.nn.functional.avg_pool2d(noise, 5, 1, 2)
        optimizer.zero_grad()
        loss = discriminator_hinge(critic(smooth), critic(noise))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.4


def test_random_features_are_the_same_whatever_was_drawn_before():
    x = torch.rand(2, 1, 16, 16)
    torch.manual_seed(1)
    first = RandomFeatures()(x)
    torch.manual_seed(2)
    second = RandomFeatures()(x)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert [tuple(level.shape) for level in first] == [(2, 16, 16, 16), (2, 32, 8, 8), (2, 64, 4, 4)]
    assert not torch.equal(RandomFeatures(seed=1)(x)[0], first[0])
    assert not any(p.requires_grad for p in RandomFeatures().parameters())
