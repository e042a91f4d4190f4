import numpy as np
import pytest

from vesalius.seeding import generator
from vesalius.transforms.elastic import Elastic


def moved_places(one, shape, seed):
    """Where each voxel of the result came from, by deforming the coordinates themselves."""
    grid = np.stack(np.meshgrid(*(np.arange(size, dtype=float) for size in shape), indexing="ij"))
    return one.apply(grid, seed), grid


@pytest.mark.parametrize(("axes", "shape"), [("IJ", (60, 48)), ("IJK", (30, 32, 28))])
def test_nothing_folds_and_moves_are_bounded(axes, shape):
    one = Elastic(axes=axes, spans=4, strength=0.4)
    for n in range(5):
        places, grid = moved_places(one, shape, one.draw(generator("fold", n)))
        moves = places - grid
        for axis, size in enumerate(shape):
            assert np.abs(moves[axis]).max() <= 0.4 * size / 4
        assert np.abs(moves).max() > 0.5
        inner = (slice(None), *(slice(size // 4, -size // 4) for size in shape))
        jacobian = np.stack([np.stack(np.gradient(part)) for part in places[inner]])
        assert (np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1))) > 0).all()


def test_the_field_is_smooth():
    places, grid = moved_places(Elastic(spans=3, strength=0.3), (80, 80), 7)
    moves = (places - grid)[:, 20:60, 20:60]
    assert np.abs(np.diff(moves, n=2, axis=1)).max() < 0.05


def test_without_strength_nothing_moves():
    x = np.random.default_rng(0).random((2, 10, 12)).astype("f4")
    np.testing.assert_allclose(Elastic(strength=0.0).apply(x, 3), x, atol=1e-6)


def test_all_frames_move_alike():
    x = np.random.default_rng(0).random((1, 1, 9, 9, 2)).repeat(4, axis=1)
    done = Elastic().apply(x, 5)
    assert (done == done[:, :1]).all()
    np.testing.assert_array_equal(Elastic().apply(x[:, 0], 5), done[:, 0])
