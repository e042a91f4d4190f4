"""The measures of a group of pictures: distances of sets, and the nearest training pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vesalius.metrics.frechet import LEAST, fid
from vesalius.metrics.kernel_distance import KernelDistances, kernel_distances
from vesalius.metrics.manifold import PrecisionRecall, precision_recall
from vesalius.metrics.memorised import Memorisation, Nearest, memorisation, nearest_features, nearest_pixels
from vesalius.metrics.spread import SEED
from vesalius.tasks.evaluate.images.seen import Seen

MOST = 5_000
"""Pictures a side that are compared; of more, so many are drawn."""
LEAST_SOURCES = 2
PIXELS, FEATURES = "pixels", "features"
SPACES: tuple[str, str] = (PIXELS, FEATURES)


@dataclass(frozen=True)
class GroupMeasures:
    """One group.

    Args:
        pictures: side -> pictures (cuts).
        sources: side -> sources.
        compared: pictures of each side that were compared, as many on every side.
        kid: kernel distances.
        fid: Fréchet distance; None with too few pictures.
        shape: precision and recall of the generated pictures.
        train_shape: the same of training pictures in their place; None without any.
        memorised: space -> distances to the training pictures; empty without any.
        missing: why the group was not measured; "" where it was.
    """

    pictures: dict[str, int]
    sources: dict[str, int]
    compared: int = 0
    kid: KernelDistances | None = None
    fid: float | None = None
    shape: PrecisionRecall | None = None
    train_shape: PrecisionRecall | None = None
    memorised: dict[str, Memorisation] | None = None
    missing: str = ""


Near = dict[str, Nearest]
"""Space -> the nearest training pictures."""


def nearest(pictures: Seen, train: Seen) -> Near:
    """Return the nearest training pictures in both spaces."""
    return {
        PIXELS: nearest_pixels(pictures.thumbs_NSSC, train.thumbs_NSSC, train.sources),
        FEATURES: nearest_features(pictures.features_ND, train.features_ND, train.sources),
    }


def measure_group(sides: dict[str, Seen], near: dict[str, Near], seed: int) -> GroupMeasures:
    """Measure a group.

    Args:
        sides: generated, reference and perhaps train -> pictures of the group.
        near: generated and reference -> their nearest training pictures among all groups; empty without any.
        seed: of the pictures that are drawn where a side has more than another.
    """
    pictures = {name: len(side) for name, side in sides.items()}
    sources = {name: len(set(side.sources)) for name, side in sides.items()}
    few = [name for name, count in sources.items() if count < LEAST_SOURCES]
    if few:
        return GroupMeasures(pictures, sources, missing=f"{' and '.join(few)} pictures of fewer than two sources")
    count = min(MOST, *pictures.values())
    chosen = {name: side.spread(count, seed).set for name, side in sides.items()}
    train = chosen.get("train")
    memorised = None
    if near:
        generated, held_out = near["generated"], near["reference"]
        memorised = {
            space: memorisation(
                generated[space], held_out[space], sides["generated"].sources, sides["reference"].sources
            )
            for space in SPACES
        }
    return GroupMeasures(
        pictures,
        sources,
        count,
        kid=kernel_distances(chosen["generated"], chosen["reference"], train, seed=SEED),
        fid=fid(chosen["generated"].features_ND, chosen["reference"].features_ND) if count >= LEAST else None,
        shape=precision_recall(chosen["generated"], chosen["reference"]),
        train_shape=None if train is None else precision_recall(train, chosen["reference"]),
        memorised=memorised,
    )


def group_results(measures: GroupMeasures) -> dict[str, object]:
    """Return the measures, JSON-able; what cannot be had is None."""
    results: dict[str, object] = {
        "pictures": measures.pictures,
        "sources": measures.sources,
        "compared": measures.compared,
        "not_measured": measures.missing or None,
    }
    if measures.kid is None or measures.shape is None:
        return results
    for name, key in (("generated", "kid"), ("train", "kid_of_train"), ("difference", "kid_difference")):
        estimate = getattr(measures.kid, name)
        if estimate is not None:
            ends = estimate.interval
            results[key] = {
                "value": _known(estimate.value),
                "interval": None if ends is None else [ends.low, ends.high],
            }
    results["fid"] = measures.fid
    shapes = {"": measures.shape} | ({} if measures.train_shape is None else {"_of_train": measures.train_shape})
    for end, shape in shapes.items():
        results |= {f"precision{end}": _known(shape.precision), f"recall{end}": _known(shape.recall)}
    if measures.memorised:
        results["memorisation"] = {space: _memorised(each) for space, each in measures.memorised.items()}
    return results


def _memorised(each: Memorisation) -> dict[str, object]:
    return {
        "generated": dict(zip(("least", "median"), each.generated, strict=True)),
        "held_out": dict(zip(("least", "median"), each.held_out, strict=True)),
        "quantile_of_held_out": _known(each.quantile),
        "share_nearer": {
            "value": _known(each.share),
            "interval": None if each.interval is None else [each.interval.low, each.interval.high],
        },
        "copies": each.copies,
        "held_out_copies": each.held_out_copies,
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
