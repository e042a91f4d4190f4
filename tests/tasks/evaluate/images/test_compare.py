import numpy as np
import pytest

from vesalius.metrics.frechet import fid
from vesalius.metrics.kernel_distance import kid
from vesalius.tasks.evaluate.images import compare
from vesalius.tasks.evaluate.images.compare import group_results, measure_group, nearest
from vesalius.tasks.evaluate.images.pictures import Source
from vesalius.tasks.evaluate.images.seen import Seen


def seen(seed, count, side, mean=0.0):
    draw = np.random.default_rng(seed)
    return Seen(
        ids=tuple(f"{side}{n}" for n in range(count)),
        sources=tuple(Source(f"{side}{n}") for n in range(count)),
        groups=("all",) * count,
        features_ND=draw.normal(mean, 1, (count, 5)),
        thumbs_NSSC=draw.random((count, 16, 16, 3)),
        tiles=(np.zeros((4, 4, 3), np.uint8),) * count,
    )


def test_every_side_has_as_many_pictures():
    sides = {"generated": seen(0, 40, "g"), "reference": seen(1, 30, "r"), "train": seen(2, 90, "t")}
    measures = measure_group(sides, {}, seed=3)
    assert measures.compared == 30
    chosen = {name: side.spread(30, 3) for name, side in sides.items()}
    assert measures.kid.generated.value == pytest.approx(
        kid(chosen["generated"].features_ND, chosen["reference"].features_ND)
    )
    assert measures.fid is None
    assert measures.memorised is None


def test_fid_needs_enough_pictures(monkeypatch):
    monkeypatch.setattr(compare, "LEAST", 20)
    sides = {"generated": seen(0, 20, "g"), "reference": seen(1, 20, "r")}
    wanted = fid(sides["generated"].features_ND, sides["reference"].features_ND)
    assert measure_group(sides, {}, 0).fid == pytest.approx(wanted)
    assert measure_group({**sides, "reference": seen(1, 19, "r")}, {}, 0).fid is None


def test_a_lone_picture_is_not_measured():
    results = group_results(measure_group({"generated": seen(0, 1, "g"), "reference": seen(1, 20, "r")}, {}, 0))
    assert results["not_measured"] == "generated pictures of fewer than two sources"
    assert "kid" not in results


def test_memorisation_has_both_spaces():
    sides = {"generated": seen(0, 30, "g"), "reference": seen(1, 30, "r"), "train": seen(2, 50, "t")}
    near = {name: nearest(sides[name], sides["train"]) for name in ("generated", "reference")}
    memory = group_results(measure_group(sides, near, 0))["memorisation"]
    assert set(memory) == {"pixels", "features"}
    assert memory["features"]["generated"]["least"] == pytest.approx(near["generated"]["features"].distance_N.min())
    assert memory["pixels"]["copies"] == 0
