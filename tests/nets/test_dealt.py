import pytest
import torch

import vesalius.nets.dealt as module
from vesalius.nets.dealt import dealt

CPU = torch.device("cpu")


def drawn(monkeypatch, rows, rank, processes):
    monkeypatch.setattr(module, "place_among", lambda: (rank, processes))
    torch.manual_seed(3)
    numbers = dealt((rows, 2), CPU)
    return numbers, torch.rand(1)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_one_draw(monkeypatch, processes):
    """Row by row in turn, and what is drawn next is the same in all."""
    whole, following = drawn(monkeypatch, 6, 0, 1)
    shares = [drawn(monkeypatch, 6 // processes, rank, processes) for rank in range(processes)]
    assert torch.equal(torch.stack([numbers for numbers, _ in shares], 1).flatten(0, 1), whole)
    assert all(torch.equal(later, following) for _, later in shares)


def test_one_process_draws_what_torch_does():
    torch.manual_seed(0)
    wanted = torch.rand(4, 1)
    torch.manual_seed(0)
    assert torch.equal(dealt((4, 1), CPU), wanted)
