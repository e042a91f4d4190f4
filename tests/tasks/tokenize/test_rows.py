"""Rows for a codebook."""

import torch

from vesalius.tasks.tokenize.rows import several


def test_takes_as_many_batches_as_it_needs_and_32_at_most():
    taken = []

    def batches():
        for number in range(100):
            taken.append(number)
            yield {"x": torch.full((2, 3), float(number))}

    rows = several(batches(), lambda batch: batch["x"], 5)
    assert rows[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert taken == [0, 1, 2]
    assert len(several(batches(), lambda batch: batch["x"], 1000)) == 64
