"""Pairs of predicted and reference masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vesalius.tasks.evaluate.masks.find import Mask


@dataclass(frozen=True)
class Pair:
    """A predicted mask and its reference.

    Args:
        predicted: mask of the same frames, or of the whole cine.
        reference: mask to compare with.
        by_cine: the predicted mask was matched by the name of the cine and must hold all its frames.
    """

    predicted: Mask
    reference: Mask
    by_cine: bool = False


@dataclass(frozen=True)
class Matched:
    """Pairs, and masks without a counterpart.

    Args:
        pairs: in the order of the references.
        alone: title -> why there is no counterpart.
    """

    pairs: tuple[Pair, ...]
    alone: dict[str, str]


def match_masks(predicted: Sequence[Mask], reference: Sequence[Mask]) -> Matched:
    """Pair masks by their names, using a name only if it is unique on both sides.

    Two single files are a pair whatever their names. A predicted mask of a whole cine may be the counterpart of several
    reference masks with known frames.
    """
    if len(predicted) == len(reference) == 1 and not reference[0].split:
        return Matched((Pair(predicted[0], reference[0]),), {})
    offered = _index(predicted, [mask.keys for mask in predicted])
    wanted = _index(reference, [mask.keys for mask in reference])
    pairs: list[Pair] = []
    alone: dict[str, str] = {}
    for mask in reference:
        unique = [key for key in mask.keys if len(wanted[key]) == 1]
        same, cine = _first(offered, unique), _first(offered, mask.cine_keys)
        if same is not None:
            pairs.append(Pair(same, mask))
        elif cine is not None:
            pairs.append(Pair(cine, mask, by_cine=True))
        else:
            names = [key for key in unique if len(offered.get(key, ())) > 1]
            why = f"{len(offered[names[0]])} predicted masks are called {names[0]}" if names else "no predicted mask"
            alone[mask.title] = why
    used = {id(pair.predicted) for pair in pairs}
    alone |= {mask.title: "no reference mask" for mask in predicted if id(mask) not in used and mask.title not in alone}
    return Matched(tuple(pairs), alone)


def _index(masks: Sequence[Mask], keys: Sequence[Iterable[str]]) -> dict[str, list[Mask]]:
    index: dict[str, list[Mask]] = defaultdict(list)
    for mask, names in zip(masks, keys, strict=True):
        for key in dict.fromkeys(names):
            index[key].append(mask)
    return dict(index)


def _first(index: dict[str, list[Mask]], keys: Iterable[str]) -> Mask | None:
    """The mask of the first unambiguous name."""
    return next((index[key][0] for key in keys if len(index.get(key, ())) == 1), None)
