import numpy as np

from tasks.evaluate.images.making import SIZE, real_manifest
from vesalius.cohort.cache import Cache
from vesalius.tasks.evaluate.images.features import FeatureNet
from vesalius.tasks.evaluate.images.pictures import Cut, read_side, sides_of
from vesalius.tasks.evaluate.images.seen import look

MEANS = FeatureNet("means", "", "0", lambda x_BCJI: x_BCJI.mean((2, 3)))


WHOLE = Cut((SIZE, SIZE))


def seen_of(tmp_path, cut=WHOLE, batch=5):
    cohort = read_side("reference", real_manifest(tmp_path / "real", (), range(100, 112)))
    return look(sides_of(cohort, cohort, None, "kind")[1], cut, MEANS, batch, Cache(tmp_path / "cache"))[0]


def test_what_is_kept_is_in_the_order_of_the_cases(tmp_path):
    seen = seen_of(tmp_path)
    assert seen.ids == tuple(f"r{n}" for n in range(100, 112))
    assert seen.thumbs_NSSC.shape == (12, 16, 16, 3)
    np.testing.assert_allclose(seen.features_ND, seen.thumbs_NSSC.mean((1, 2)), rtol=0.03)
    assert seen.of_group("red").ids == tuple(f"r{n}" for n in range(100, 112, 2))
    np.testing.assert_allclose(seen_of(tmp_path, batch=7).features_ND, seen.features_ND, rtol=1e-6)


def test_a_part_has_as_many_sources_as_possible(tmp_path):
    seen = seen_of(tmp_path, Cut((12, 12), 4, (0.2, 0.9)))
    assert len(seen) == 48
    some = seen.spread(12, 0)
    assert len(set(some.sources)) == 12
    assert len(set(seen.spread(24, 0).sources)) == 12
    assert some.ids == seen.spread(12, 0).ids
    assert seen.spread(99, 0).ids == seen.ids
