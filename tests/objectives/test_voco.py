"""The losses of VoCo derived again, pair by pair."""

import math

import pytest
import torch

from vesalius.objectives.voco import VocoLoss, VocoProjections, VocoTpamiLoss, predicted_overlap, redundancy

B, R, K, E = 3, 2, 4, 5
EPS = 1e-6


def projections(seed):
    draw = torch.Generator().manual_seed(seed)
    return VocoProjections(
        torch.randn(B, R, E, generator=draw, dtype=torch.float64),
        torch.randn(B, K, E, generator=draw, dtype=torch.float64),
    )


def labels():
    return torch.tensor([[[0.25, 0.75, 0, 0], [0, 0, 1, 0]]] * B, dtype=torch.float64)


def cosine(a, b):
    dot = sum(float(x * y) for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(float(x) ** 2 for x in a)) / math.sqrt(sum(float(y) ** 2 for y in b))


def slow_positives(logits, target):
    total = weight = 0.0
    for r in range(R):
        for k in range(K):
            y, s = float(target[r][k]), logits[r][k]
            total += y * -math.log(1 - abs(y - s) + EPS)
            weight += y
    return total / (weight + EPS)


def slow_negatives(logits, target, penalty):
    values = [penalty(logits[r][k]) for r in range(R) for k in range(K) if float(target[r][k]) == 0]
    return sum(values) / (len(values) + EPS)


def slow_logits(random, base):
    return [[max(0.0, cosine(random[r], base[k])) for k in range(K)] for r in range(R)]


def slow_redundancy(base):
    pairs = [max(0.0, cosine(base[a], base[b])) ** 2 for a in range(K) for b in range(a + 1, K)]
    return sum(pairs) / len(pairs)


def test_the_loss_of_2024():
    student, teacher, y = projections(0), projections(1), labels()
    terms = VocoLoss()(student, teacher, y)
    prediction = reg = 0.0
    for b in range(B):
        there = slow_logits(student.random_BRE[b], teacher.base_BKE[b])
        back = slow_logits(teacher.random_BRE[b], student.base_BKE[b])
        logits = [[(there[r][k] + back[r][k]) / 2 for k in range(K)] for r in range(R)]
        prediction += slow_positives(logits, y[b]) + slow_negatives(logits, y[b], lambda s: s**2)
        reg += slow_redundancy(student.base_BKE[b])
    assert float(terms.prediction) == pytest.approx(prediction / B, rel=1e-9)
    assert float(terms.redundancy) == pytest.approx(reg / B, rel=1e-9)


def test_the_loss_of_2025():
    student, teacher, y = projections(2), projections(3), labels()
    following = teacher.base_BKE.roll(-1, 0)
    terms = VocoTpamiLoss()(student, teacher, y, following)

    def log(s):
        return -math.log(1 - s + EPS)

    prediction = 0.0
    for b in range(B):
        intra = slow_logits(student.random_BRE[b], teacher.base_BKE[b])
        across = slow_logits(student.random_BRE[b], teacher.base_BKE[(b + 1) % B])
        target = slow_logits(teacher.random_BRE[b], teacher.base_BKE[(b + 1) % B])
        prediction += slow_positives(intra, y[b]) + slow_negatives(intra, y[b], log)
        prediction += slow_positives(across, target) + slow_negatives(across, target, log)
    assert float(terms.prediction) == pytest.approx(prediction / B, rel=1e-9)
    assert float(terms.redundancy) == pytest.approx(sum(map(slow_redundancy, student.base_BKE)) / B, rel=1e-9)


def test_a_perfect_prediction_costs_nothing():
    base = torch.eye(4)[None]
    random = torch.eye(4)[None, [2]]
    both = VocoProjections(random, base)
    y = torch.tensor([[[0.0, 0.0, 1.0, 0.0]]])
    for terms in (VocoLoss()(both, both, y), VocoTpamiLoss(inter=0)(both, both, y, base)):
        assert float(terms.prediction) == pytest.approx(0, abs=1e-5)
        assert float(terms.redundancy) == 0


def test_the_teacher_and_the_later_base_crop_get_no_gradient():
    student, teacher = projections(4), projections(5)
    for x in (*student, *teacher):
        x.requires_grad_()
    sum(VocoLoss()(student, teacher, labels())[:2]).backward()
    assert all(x.grad is None for x in teacher)
    assert all(x.grad.abs().max() > 0 for x in student)
    base = torch.tensor([[[1.0, 0.5], [1.0, 0.0]]], requires_grad=True)
    redundancy(base).backward()
    assert base.grad[0, 0].abs().max() > 0
    assert base.grad[0, 1].abs().max() == 0


def test_there_is_no_temperature_and_no_negative_overlap():
    s = predicted_overlap(torch.tensor([[[3.0, 4.0]]]), torch.tensor([[[6.0, 8.0], [-3.0, -4.0], [1.0, 0.0]]]))
    torch.testing.assert_close(s, torch.tensor([[[1.0, 0.0, 0.6]]]))


@pytest.mark.parametrize("loss", [VocoLoss, VocoTpamiLoss])
def test_half_precision_of_the_nets_leaves_the_loss_alone(loss):
    """With equal vectors 1 - s is 0: in half precision the gradient of its logarithm would be infinite."""
    student, teacher = (VocoProjections(*(x.float() for x in projections(seed))) for seed in (0, 1))
    base = student.random_BRE[:, :1].repeat(1, K, 1).clone()
    student = VocoProjections(student.random_BRE.requires_grad_(), student.base_BKE)
    teacher = VocoProjections(teacher.random_BRE, base.detach())
    more = (base.detach(),) if loss is VocoTpamiLoss else ()
    terms = loss()(student, teacher, labels().float(), *more)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss()(student, teacher, labels().float(), *more)
    assert torch.equal(rounded.prediction, terms.prediction)
    assert torch.equal(rounded.redundancy, terms.redundancy)
    terms.prediction.backward()
    assert student.random_BRE.grad.isfinite().all()
