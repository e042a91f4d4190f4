import numpy as np
import pytest

from vesalius.metrics.memorised import memorisation, nearest_features, nearest_pixels, turned


def pictures(seed, count):
    return np.random.default_rng(seed).random((count, 16, 16, 3))


def test_eight_positions_are_all_different_and_the_first_is_the_picture():
    picture = pictures(0, 1)
    positions = [turned(picture, turn) for turn in range(8)]
    np.testing.assert_array_equal(positions[0], picture)
    assert len({position.tobytes() for position in positions}) == 8


def test_the_nearest_follows_its_definition():
    made, train = pictures(0, 5), pictures(1, 7)
    sources = [0, 0, 1, 2, 2, 3, 3]
    near = nearest_pixels(made, train, sources)
    for n, picture in enumerate(made):
        table = np.array(
            [[np.linalg.norm(turned(picture[None], turn)[0] - other) for other in train] for turn in range(8)]
        )
        row = table.min(axis=0).argmin()
        assert near.row_N[n] == row
        assert near.turn_N[n] == table[:, row].argmin()
        assert near.distance_N[n] == pytest.approx(table.min())
        others = [m for m in range(7) if sources[m] != sources[row]]
        assert near.other_N[n] == pytest.approx(table.min(axis=0)[others].min())


@pytest.mark.parametrize("turn", range(8))
def test_a_turned_and_noisy_copy_is_found(turn):
    train = pictures(1, 40)
    copy = turned(train[7:8], turn) + np.random.default_rng(2).normal(0, 0.01, (1, 16, 16, 3))
    near = nearest_pixels(np.concatenate([copy, pictures(3, 2)]), train, range(40))
    assert near.row_N[0] == 7
    assert near.copies.tolist() == [True, False, False]
    back = turned(np.concatenate([copy]), int(near.turn_N[0]))
    assert np.abs(back - train[7]).max() < 0.06


def test_pictures_that_all_look_alike_are_no_copies():
    train = 0.5 + 1e-3 * pictures(0, 30)
    near = nearest_pixels(0.5 + 1e-3 * pictures(1, 5), train, range(30))
    assert near.distance_N.max() < 0.05
    assert not near.copies.any()


def test_a_generator_that_repeats_is_told_from_one_that_does_not():
    draw = np.random.default_rng(0)
    train, held_out, honest = (draw.normal(size=(200, 8)) for _ in range(3))
    thief = train[:100] + draw.normal(0, 0.05, (100, 8))
    real = nearest_features(held_out, train, range(200))
    clean = memorisation(nearest_features(honest, train, range(200)), real, range(200), range(900, 1100))
    stolen = memorisation(nearest_features(thief, train, range(200)), real, range(100), range(900, 1100))
    assert clean.interval.low <= 0.05 <= clean.interval.high
    assert clean.copies <= 2
    assert clean.held_out_copies <= 2
    assert stolen.share == 1
    assert stolen.interval.low > 0.99
    assert stolen.copies > 90
    assert clean.quantile == pytest.approx(np.quantile(real.distance_N, 0.05))


def test_few_held_out_pictures_have_no_quantile():
    train, held_out = np.random.default_rng(0).normal(size=(2, 19, 4))
    real = nearest_features(held_out, train, range(19))
    result = memorisation(real, real, range(19), range(19))
    assert np.isnan(result.share)
    assert result.interval is None


def test_a_part_keeps_its_rows():
    near = nearest_pixels(pictures(0, 6), pictures(1, 9), range(9))
    part = near.part([4, 1])
    assert part.distance_N.tolist() == near.distance_N[[4, 1]].tolist()
    assert part.row_N.tolist() == near.row_N[[4, 1]].tolist()
