import pytest
import torch

from vesalius.errors import ConfigError
from vesalius.nets.aggregate import Aggregate, GatedAttention, Gru, Max, Mean, TopK
from vesalius.nets.table import AGGREGATES

X = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
THERE = torch.arange(5) < torch.tensor([[5], [2], [1]])


def made(name, width=4):
    torch.manual_seed(0)
    return AGGREGATES.get(name)().make(width).eval()


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_every_name_is_an_aggregation(name):
    cls = AGGREGATES.get(name)
    assert issubclass(cls, Aggregate)
    study, slices = made(name)(X, THERE)
    assert study.shape == (3, cls().width(4))
    assert slices.shape == (3, 5, cls().width(4))
    assert study.isfinite().all()


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_padding_changes_nothing(name):
    """Other numbers, even none, in the padding; more of it; a study on its own."""
    module = made(name)
    expected = module(X, THERE)[0]
    for filling in (1e3, -1e3, torch.nan):
        other = X.masked_fill(~THERE[..., None], filling)
        torch.testing.assert_close(module(other, THERE)[0], expected)
    longer, there = torch.nn.functional.pad(X, (0, 0, 0, 3)), torch.nn.functional.pad(THERE, (0, 3))
    torch.testing.assert_close(module(longer, there)[0], expected)
    alone, seen = module(X[1:2, :2], THERE[1:2, :2])
    torch.testing.assert_close(alone, expected[1:2])
    torch.testing.assert_close(module(X, THERE)[1][1:2, :2], seen)


@pytest.mark.parametrize("name", AGGREGATES.names())
def test_gradients_are_finite_and_padding_gets_none(name):
    x = X.clone().requires_grad_()
    made(name)(x, THERE)[0].square().sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad[~THERE].abs().max() == 0
    assert x.grad[THERE].abs().max() > 0


def test_the_plain_ones_by_hand():
    rows = [X[0], X[1, :2], X[2, :1]]
    torch.testing.assert_close(Mean().make(4)(X, THERE)[0], torch.stack([own.mean(0) for own in rows]))
    torch.testing.assert_close(Max().make(4)(X, THERE)[0], torch.stack([own.amax(0) for own in rows]))
    highest = [own.sort(0, descending=True).values[:3].mean(0) for own in rows]
    torch.testing.assert_close(TopK(k=3).make(4)(X, THERE)[0], torch.stack(highest))


def test_attention_by_hand():
    module = made("gated-attention")
    weights = module.weights(X, THERE)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert weights[~THERE].abs().max() == 0
    scores = [module.score(torch.tanh(module.content(x)) * torch.sigmoid(module.gate(x))).exp() for x in X[0]]
    by_hand = sum(score * x for score, x in zip(scores, X[0], strict=True)) / sum(scores)
    torch.testing.assert_close(module(X, THERE)[0][0], by_hand)


def test_order_matters_to_the_recurrent_one_only():
    whole, turned = torch.ones(3, 5, dtype=torch.bool), X.flip(1)
    for name in AGGREGATES.names():
        module = made(name)
        same = torch.allclose(module(X, whole)[0], module(turned, whole)[0], atol=1e-6)
        assert same == (name != "gru")


def test_each_can_find_the_one_slice_that_matters():
    """Which of 8 slices is bright along one number tells the class; the mean has to see it, too."""
    torch.manual_seed(0)
    x, y = 0.3 * torch.randn(32, 8, 4), torch.arange(32) % 2
    x[torch.arange(32), torch.randint(0, 8, (32,)), 0] += 4.0 * y
    there = torch.ones(32, 8, dtype=torch.bool)
    for aggregate in (Mean(), Max(), TopK(), GatedAttention(hidden=8), Gru(hidden=8)):
        module, last = aggregate.make(4), torch.nn.Linear(aggregate.width(4), 2)
        optimizer = torch.optim.AdamW([*module.parameters(), *last.parameters()], 0.03)
        for _ in range(150):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(last(module(x, there)[0]), y)
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.35, aggregate


def test_a_wrong_name():
    with pytest.raises(ConfigError, match="no such aggregation; did you mean 'mean'"):
        AGGREGATES.get("meen")
