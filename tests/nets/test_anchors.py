import numpy as np
import torch

from vesalius.nets.anchors import anchor_maps, anchored

ANCHORS = ((1, 1), (2, 3))


def test_maps_are_pooling_and_interpolation_of_torch():
    pool_LP, spread_PL = anchor_maps(ANCHORS, (6, 9))
    assert pool_LP.shape == (anchored(ANCHORS), 54) == (7, 54)
    x = torch.randn(1, 1, 6, 9)
    pooled = torch.from_numpy(pool_LP) @ x.flatten()
    for (rows, columns), part in zip(ANCHORS, (pooled[:1], pooled[1:]), strict=True):
        wanted = torch.nn.functional.adaptive_avg_pool2d(x, (rows, columns)).flatten()
        assert torch.allclose(part.sort().values, wanted.sort().values, atol=1e-6)
    for cell in range(7):  # a token spreads over the cell that it stands for
        level = torch.zeros(anchored(ANCHORS))
        level[cell] = 1
        spread = torch.from_numpy(spread_PL) @ level
        rows, columns = ANCHORS[0] if cell == 0 else ANCHORS[1]
        place = int(pool_LP[cell].nonzero()[0][0])
        source = torch.zeros(1, 1, rows, columns)
        source[0, 0, place // 9 // (6 // rows), place % 9 // (9 // columns)] = 1
        wanted = torch.nn.functional.interpolate(source, (6, 9), mode="bilinear", align_corners=False)
        assert torch.allclose(spread, wanted.flatten(), atol=1e-6)


def test_cells_that_are_no_whole_patches_share_them():
    pool_LP, spread_PL = anchor_maps(((2, 2, 2),), (3, 5, 2))
    assert np.allclose(pool_LP.sum(1), 1)
    assert np.allclose(spread_PL.sum(1), 1)
    assert np.allclose(pool_LP.sum(0) * 30 / 8, 1)


def test_the_first_tokens_cover_the_whole_picture():
    pool_LP, _ = anchor_maps(((4, 4),), (4, 4))
    first = [divmod(int(row.argmax()), 4) for row in pool_LP[:4]]
    assert {(row // 2, column // 2) for row, column in first} == {(0, 0), (0, 1), (1, 0), (1, 1)}
