import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vesalius.objectives.masked_bce import MaskedBce, positive_weights

NAN = math.nan


def slow(logits, labels, weights):
    """Derived again, entry by entry, from the probabilities."""
    terms = []
    for row, own in zip(logits.double().tolist(), labels.tolist(), strict=True):
        for x, y, w in zip(row, own, weights, strict=True):
            if not math.isnan(y):
                p = 1 / (1 + math.exp(-x))
                terms.append(-(w * y * math.log(p) + (1 - y) * math.log(1 - p)))
    return sum(terms) / len(terms) if terms else 0.0


@given(
    st.lists(
        st.lists(st.tuples(st.floats(-6, 6), st.sampled_from([0.0, 1.0, 0.3, NAN])), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_equals_the_slow_derivation(rows):
    logits = torch.tensor([[x for x, _ in row] for row in rows])
    labels = torch.tensor([[y for _, y in row] for row in rows])
    found = MaskedBce((1.0, 4.0, 0.5))(logits, labels)
    assert found.item() == pytest.approx(slow(logits, labels, (1.0, 4.0, 0.5)), rel=1e-4, abs=1e-5)


def test_without_weights_and_holes_it_is_the_plain_one():
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 4, 3), torch.randint(0, 2, (5, 4, 3)).float()
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    torch.testing.assert_close(MaskedBce()(logits, labels), plain)


def test_what_is_not_known_gives_no_gradient():
    logits = torch.zeros(2, 2, requires_grad=True)
    MaskedBce()(logits, torch.tensor([[1.0, NAN], [NAN, 0.0]])).backward()
    assert logits.grad.tolist() == [[-0.25, 0.0], [0.0, 0.25]]
    unknown = MaskedBce()(logits, torch.full((2, 2), NAN))
    unknown.backward()
    assert unknown.item() == 0.0


def test_weights_of_positives():
    labels = torch.tensor([[1, 0, NAN, 1], [0, 0, 1, 1], [0, 0, NAN, 1], [0, NAN, NAN, 0]])
    assert positive_weights(labels) == [3.0, 1.0, 1.0, pytest.approx(1 / 3)]
    assert positive_weights(labels, most=2) == [2.0, 1.0, 1.0, 0.5]


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="do not fit"):
        MaskedBce()(torch.zeros(2, 3), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="do not fit"):
        MaskedBce((1.0, 2.0))(torch.zeros(2, 3), torch.zeros(2, 3))
