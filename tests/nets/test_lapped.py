"""Overlapping cells, against the lapped orthogonal transform built from cosines."""

import numpy as np
import pytest
import torch
from scipy.fft import dct

from vesalius.nets.lapped import border_matrix, cells_of, padded, pictures_of


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (8, 32), (40, 16)])
def test_cells_are_orthogonal_and_invert(rows, columns):
    x_BHJI = torch.randn(2, 3, rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    cells_BZRC = cells_of(x_BHJI)
    assert cells_BZRC.shape == (2, 3 * 64, rows // 8, columns // 8)
    assert cells_BZRC.square().sum().item() == pytest.approx(x_BHJI.square().sum().item(), rel=1e-6)
    assert torch.allclose(pictures_of(cells_BZRC), x_BHJI, atol=1e-6)


def test_even_pictures_stay_even():
    cells_BZRC = cells_of(torch.full((1, 1, 24, 24), 3.0))
    assert torch.allclose(cells_BZRC, torch.full((1, 64, 3, 3), 3.0), atol=1e-5)


def test_a_cosine_of_a_cell_reaches_into_its_neighbours_and_fades():
    """Synthesis of the lowest cosine of one cell: 16 pixels wide, even, smallest at its ends."""
    line = np.zeros(32)
    line[8:16] = dct(np.eye(8), norm="ortho", axis=0)[0]
    picture = torch.from_numpy(np.outer(np.ones(8), line))[None, None]
    cells = torch.nn.functional.pixel_unshuffle(picture, 8)
    wave = pictures_of(cells)[0, 0, 0].numpy()
    assert np.flatnonzero(np.abs(wave) > 1e-9).tolist() == list(range(4, 20))
    assert np.allclose(wave[4:20], wave[4:20][::-1])
    assert abs(wave[4]) < 0.25 * wave[11]
    assert np.abs(np.diff(wave)).max() < 0.6 * wave.max()  # a block would jump by all of it


def test_the_matrix_is_that_of_the_lapped_orthogonal_transform():
    """P = 1/2 [I J; J -I] diag(I, J C2^T C4 J) [I J; J -I] (Tran, Liang and Tu, 2003)."""
    flip, one = np.eye(4)[::-1], np.eye(4)
    second, fourth = dct(one, type=2, norm="ortho", axis=0), dct(one, type=4, norm="ortho", axis=0)
    turn = flip @ second.T @ fourth @ flip
    butterfly = np.block([[one, flip], [flip, -one]])
    wanted = butterfly @ np.block([[one, 0 * one], [0 * one, turn]]) @ butterfly / 2
    assert np.allclose(border_matrix().numpy(), wanted, atol=1e-6)


def test_edges_are_repeated():
    x = padded(torch.arange(9.0).reshape(1, 1, 3, 3))
    assert x.shape == (1, 1, 8, 8)
    assert x[0, 0, 3:, :3].eq(torch.tensor([6.0, 7.0, 8.0])).all()
    assert x[0, 0, :, 3:].eq(x[0, 0, :, 2:3]).all()
