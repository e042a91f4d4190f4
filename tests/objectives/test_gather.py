"""In one process; `tests/tasks/simclr/test_processes.py` trains in two."""

import torch

from vesalius.objectives.gather import gathered, processes, rank


def test_one_process_has_all_rows():
    rows = torch.ones(2, 3, requires_grad=True)
    assert (processes(), rank()) == (1, 0)
    assert gathered(rows) is rows
