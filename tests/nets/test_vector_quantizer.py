import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2, vq
from torch import distributed, multiprocessing

from vesalius.nets.vector_quantizer import VectorCodes


def made(seed=0, **sizes):
    torch.manual_seed(seed)
    return VectorCodes(**sizes).make()


@pytest.mark.parametrize("l2_norm", [False, True])
def test_codes_are_the_nearest_and_gradients_pass_straight_through(l2_norm):
    quantizer = made(codes=20, dim=3, l2_norm=l2_norm)
    y = torch.randn(2, 5, 3, requires_grad=True)
    rows, book = y.detach().reshape(-1, 3).numpy(), quantizer.codebook_ND.detach().numpy()
    if l2_norm:
        rows, book = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (rows, book))
    wanted, distance = vq(rows, book)
    z, codes, loss = quantizer(y)
    assert codes.flatten().tolist() == wanted.tolist()
    assert np.allclose(z.detach().reshape(-1, 3), book[wanted], atol=1e-6)
    assert float(loss.detach()) == pytest.approx(1.25 * np.mean(distance**2) / 3, rel=1e-4)
    weight = torch.randn_like(z)
    (gradient,) = torch.autograd.grad((z * weight).sum(), y)
    if l2_norm:  # of y / |y|, by hand
        unit = (y / y.norm(dim=-1, keepdim=True)).detach()
        weight = (weight - unit * (unit * weight).sum(-1, keepdim=True)) / y.detach().norm(dim=-1, keepdim=True)
    assert torch.allclose(gradient, weight, atol=1e-5)
    assert torch.allclose(quantizer.lookup(codes), z, atol=1e-6)


def test_commitment_moves_the_vector_and_the_rest_the_code():
    quantizer = made(codes=4, dim=2, commitment=0.5)
    y = torch.randn(1, 3, 2, requires_grad=True)
    z, _, loss = quantizer(y)
    to_y, to_book = torch.autograd.grad(loss, (y, quantizer.codebook_ND))
    apart = y.detach() - z.detach()
    assert torch.allclose(to_y, 0.5 * 2 * apart / apart.numel(), atol=1e-6)
    assert to_book.sum(0).tolist() == pytest.approx((-2 * apart / apart.numel()).sum((0, 1)).tolist(), abs=1e-6)


def test_a_codebook_from_data_is_about_as_good_as_that_of_scipy():
    draw = np.random.default_rng(0)
    rows = (draw.normal(size=(30, 4))[draw.integers(30, size=2000)] * 3 + draw.normal(size=(2000, 4))).astype(
        np.float32
    )
    quantizer = made(codes=32, dim=4).eval()
    quantizer.start(torch.from_numpy(rows), 7)
    _, ours = vq(rows, quantizer.codebook_ND.detach().numpy())
    theirs = min(np.mean(vq(rows, kmeans2(rows, 32, minit="++", seed=n)[0])[1] ** 2) for n in range(3))
    assert np.mean(ours**2) < 1.25 * theirs
    other = made(1, codes=32, dim=4)
    other.start(torch.from_numpy(rows), 7)
    assert torch.equal(other.codebook_ND, quantizer.codebook_ND)
    other.start(torch.from_numpy(rows), 8)
    assert not torch.equal(other.codebook_ND, quantizer.codebook_ND)


def test_fewer_rows_than_codes_still_give_different_codes():
    quantizer = made(codes=16, dim=2)
    quantizer.start(torch.randn(5, 2), 0)
    assert len(torch.unique(quantizer.codebook_ND, dim=0)) == 16
    with pytest.raises(ValueError, match="no rows"):
        quantizer.start(torch.zeros(0, 2), 0)


def test_usage_is_a_moving_average_and_dead_codes_come_back_on_data():
    quantizer = made(codes=64, dim=2).train()
    rows = torch.randn(1, 512, 2) + 5
    with torch.no_grad():
        quantizer.codebook_ND[1:] -= 100  # only code 0 is ever near
    usage = np.full(64, 1 / 64)
    for _ in range(400):
        quantizer(rows)
        usage = 0.99 * usage + 0.01 * (np.arange(64) == 0)
    assert np.allclose(quantizer.usage_N, usage, atol=1e-5)
    assert quantizer.statistics() == pytest.approx({"used": 1 / 64, "perplexity": 1, "dead": 63})
    before = quantizer.codebook_ND.detach().clone()
    assert quantizer.revive("run", 400) == 63
    assert torch.equal(quantizer.codebook_ND[0], before[0])
    assert set(map(tuple, quantizer.codebook_ND[1:].tolist())) <= set(map(tuple, rows[0].tolist()))
    after = quantizer.codebook_ND.detach().clone()
    assert quantizer.revive("run", 400) == 0
    codes = quantizer(rows)[1]
    assert len(codes.unique()) > 50
    with torch.no_grad():
        quantizer.codebook_ND.copy_(before)
        quantizer.usage_N[1:] = 0
        quantizer(rows)
    quantizer.revive("run", 400)  # equal names and equal data: an equal draw
    assert torch.equal(quantizer.codebook_ND, after)


def test_usage_is_counted_in_training_only_and_is_part_of_the_state():
    quantizer = made(codes=8, dim=2).eval()
    quantizer(torch.randn(1, 100, 2))
    assert quantizer.usage_N.tolist() == [1 / 8] * 8
    assert list(quantizer.state_dict()) == ["codebook_ND", "usage_N"]


def revived_in_a_process(rank, folder):
    """Count and revive as one of two processes, whose rows differ."""
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.manual_seed(0)
    book = VectorCodes(codes=8, dim=3).make().train()
    with torch.no_grad():
        book.codebook_ND[4:] += 100  # dead from the first step on
    book.usage_N[4:] = 0
    torch.manual_seed(1 + rank)
    book(torch.randn(2, 5, 3))
    count = book.revive(3, "revive")
    torch.save({"count": count, "book": book.codebook_ND.data, "usage": book.usage_N}, folder / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_revive_alike(tmp_path):
    multiprocessing.start_processes(revived_in_a_process, (tmp_path,), nprocs=2, start_method="spawn")
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert one["count"] == two["count"] == 4
    torch.testing.assert_close(one["book"], two["book"], rtol=0, atol=0)
    torch.testing.assert_close(one["usage"], two["usage"], rtol=0, atol=0)
    assert one["book"].abs().max() < 50
