import math

import pytest
import torch

from vesalius.objectives.neighbour_overlap import NeighbourOverlapLoss


def test_derived_again_slowly():
    draw = torch.Generator().manual_seed(0)
    main, near = torch.randn(3, 5, generator=draw), torch.randn(3, 2, 5, generator=draw)
    y = torch.tensor([[0.25, 0.5], [0.25, 0.25], [0.1, 0.3]])
    terms = NeighbourOverlapLoss(lambda_area=2.0)(main, near, y)
    contrastive = area = 0.0
    for b in range(3):
        cosines = [[float(torch.cosine_similarity(main[b], near[c, k], dim=0)) for k in range(2)] for c in range(3)]
        whole = math.log(sum(math.exp(s / 0.07) for row in cosines for s in row))
        for k in range(2):
            contrastive -= float(y[b, k] / y[b].sum()) * (cosines[b][k] / 0.07 - whole) / 3
            area += (max(0.0, cosines[b][k]) - float(y[b, k])) ** 2 / 6
    assert float(terms.contrastive) == pytest.approx(contrastive, rel=1e-4)
    assert float(terms.area) == pytest.approx(area, rel=1e-4)
    assert float(terms.voco) == pytest.approx(0.5 * contrastive + 0.6 * area, rel=1e-4)
    assert terms.logits_BN.shape == (3, 6)
    torch.testing.assert_close(terms.labels_BN[1], torch.tensor([0, 0, 0.25, 0.25, 0, 0]))
