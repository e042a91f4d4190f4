"""Which predicted mask belongs to which reference mask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vesalius.tasks.evaluate.masks.find import Mask


@dataclass(frozen=True)
class Pair:
    """A predicted mask and its reference.

    Args:
        predicted: of the same frames, or of the whole cine.
        reference: what it is measured against.
        by_cine: the predicted mask was found by the name of the cine and must hold all its frames.
    """

    predicted: Mask
    reference: Mask
    by_cine: bool = False


@dataclass(frozen=True)
class Matched:
    """What belongs together and what is alone.

    Args:
        pairs: in the order of the references.
        alone: title -> why it has no counterpart.
    """

    pairs: tuple[Pair, ...]
    alone: dict[str, str]


def match_masks(predicted: Sequence[Mask], reference: Sequence[Mask]) -> Matched:
    """Pair masks by their names, each name only where it means one mask on either side.

    Two single files are a pair whatever they are called. A predicted mask of a whole cine may be the counterpart of
    several reference masks that say which frame they are of.
    """
    if len(predicted) == len(reference) == 1 and not reference[0].split:
        return Matched((Pair(predicted[0], reference[0]),), {})
    offered = _index(predicted, [mask.keys for mask in predicted])
    wanted = _index(reference, [mask.keys for mask in reference])
    pairs: list[Pair] = []
    alone: dict[str, str] = {}
    for mask in reference:
        own = [key for key in mask.keys if len(wanted[key]) == 1]
        found, cine = _first(offered, own), _first(offered, mask.cine_keys)
        if found is not None:
            pairs.append(Pair(found, mask))
        elif cine is not None:
            pairs.append(Pair(cine, mask, by_cine=True))
        else:
            names = [key for key in own if len(offered.get(key, ())) > 1]
            why = f"{len(offered[names[0]])} predicted masks are called {names[0]}" if names else "no predicted mask"
            alone[mask.title] = why
    used = {id(pair.predicted) for pair in pairs}
    alone |= {mask.title: "no reference mask" for mask in predicted if id(mask) not in used and mask.title not in alone}
    return Matched(tuple(pairs), alone)


def _index(masks: Sequence[Mask], keys: Sequence[Iterable[str]]) -> dict[str, list[Mask]]:
    index: dict[str, list[Mask]] = defaultdict(list)
    for mask, own in zip(masks, keys, strict=True):
        for key in dict.fromkeys(own):
            index[key].append(mask)
    return dict(index)


def _first(index: dict[str, list[Mask]], keys: Iterable[str]) -> Mask | None:
    """The mask that the surest unambiguous name means."""
    return next((index[key][0] for key in keys if len(index.get(key, ())) == 1), None)
