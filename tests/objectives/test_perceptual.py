"""A distance in features."""

import pytest

torch = pytest.importorskip("torch")

from vesalius.nets.patch_critic import RandomFeatures  # noqa: E402
from vesalius.objectives.perceptual import perceptual  # noqa: E402


def features(x_BCJI):
    return [torch.cat([x_BCJI, x_BCJI.square()], 1), x_BCJI[..., ::2, ::2].repeat(1, 3, 1, 1) - 0.3]


def test_slowly():
    draw = torch.Generator().manual_seed(0)
    x, truth = torch.rand(2, 1, 4, 4, generator=draw), torch.rand(2, 1, 4, 4, generator=draw)
    total = 0.0
    for level, target in zip(features(x), features(truth), strict=True):
        apart = []
        for b in range(level.shape[0]):
            places = [(j, i) for j in range(level.shape[2]) for i in range(level.shape[3])]
            lengths = [sum(value**2 for value in target[b, :, j, i].tolist()) for j, i in places]
            for (j, i), length in zip(places, lengths, strict=True):
                one, other = level[b, :, j, i].tolist(), target[b, :, j, i].tolist()
                error = sum((p - q) ** 2 for p, q in zip(one, other, strict=True))
                apart.append(error / (length + sum(lengths) / len(lengths)))
        total += sum(apart) / len(apart) / 2
    assert perceptual(x, truth, features).item() == pytest.approx(total, rel=1e-4)


def test_equal_pictures_have_distance_0_and_gradients_flow_to_the_judged_one_only():
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(1, 1, 16, 16, generator=draw).requires_grad_()
    truth = torch.rand(1, 1, 16, 16, generator=draw).requires_grad_()
    net = RandomFeatures()
    assert perceptual(x, x, net).item() == pytest.approx(0, abs=1e-6)
    perceptual(x, truth, net).backward()
    assert x.grad.abs().sum() > 0
    assert truth.grad is None


def test_the_stronger_distortion_is_farther():
    draw = torch.Generator().manual_seed(0)
    picture = torch.zeros(1, 1, 32, 32)
    picture[..., 10:24] = 0.8
    net = RandomFeatures()
    noise = torch.randn(1, 1, 32, 32, generator=draw)
    blurs = [torch.nn.functional.avg_pool2d(picture, side, 1, side // 2, count_include_pad=False) for side in (3, 7)]
    assert 0 < perceptual(blurs[0], picture, net) < perceptual(blurs[1], picture, net)
    assert perceptual(picture + 0.01 * noise, picture, net) < perceptual(picture + 0.1 * noise, picture, net)


def test_noise_in_black_air_counts_little():
    picture = torch.zeros(1, 1, 32, 32)
    picture[..., 8:24, 8:24] = 0.8
    noisy = picture.clone()
    noisy[..., :6, :6] += 0.01
    assert perceptual(noisy, picture, RandomFeatures()) < 1e-3
