import math

import pytest
import torch

from vesalius.objectives.nt_xent import NtXent


def slowly(first, second, temperature):
    """The formula of the paper (arXiv:2002.05709, eq. 1), number by number: the mean over all views."""
    views = [*first.tolist(), *second.tolist()]
    count = len(first)

    def similarity(u, v):
        lengths = math.sqrt(sum(a * a for a in u)) * math.sqrt(sum(b * b for b in v))
        return sum(a * b for a, b in zip(u, v, strict=True)) / lengths

    losses = []
    for i, view in enumerate(views):
        partner = (i + count) % (2 * count)
        others = [math.exp(similarity(view, w) / temperature) for k, w in enumerate(views) if k != i]
        losses.append(-math.log(math.exp(similarity(view, views[partner]) / temperature) / sum(others)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_is_twice_the_formula_of_the_paper(temperature):
    draw = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 7, 5, generator=draw, dtype=torch.float64)
    loss = NtXent(temperature)(first, second)
    assert loss.item() == pytest.approx(2 * slowly(first, second, temperature), rel=1e-12)
    assert NtXent(temperature)(first.bfloat16(), second.bfloat16()).dtype == torch.float32


def test_swapped_views_and_reordered_pictures_change_nothing():
    first, second = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    loss, order = NtXent()(first, second), [3, 1, 5, 0, 2, 4]
    torch.testing.assert_close(NtXent()(second, first), loss)
    torch.testing.assert_close(NtXent()(first[order], second[order]), loss)


def test_without_the_norm_lengths_count():
    first, second = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(NtXent()(3 * first, second), NtXent()(first, second))
    free = NtXent(1.0, hidden_norm=False)
    assert abs(free(3 * first, second) - free(first, second)) > 0.1
    unit = torch.nn.functional.normalize
    torch.testing.assert_close(free(unit(first), unit(second)), NtXent(1.0)(first, second))


def test_chance_and_perfection():
    same = torch.ones(8, 3)
    assert NtXent()(same, same).item() == pytest.approx(2 * math.log(15), rel=1e-5)
    apart = torch.eye(8)
    assert NtXent(0.05)(apart, apart) < 1e-6


def test_an_unequal_pair_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        NtXent()(torch.ones(2, 3), torch.ones(3, 3))
