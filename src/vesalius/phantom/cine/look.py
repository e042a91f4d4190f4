"""How one patient's pictures differ from the next beyond shape and noise: signals of the tissues, muscles, slices.

Letters: I columns, J rows, K slices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Look:
    """Factors on what `paint` and `render` draw; all 1 without variety.

    Args:
        muscle: on the signal of the myocardium.
        fat: on the signal of fat, under the skin and on the heart.
        rv_blood: on the signal of the blood in the right ventricle.
        texture: on the unevenness of organs and lungs.
        ridges: on the height of the trabeculae.
        papillaries: on the size of the papillary muscles.
        flow: on the unevenness of moving blood.
        place: on the distance of the heart from the middle of the picture.
        slices: standard deviation of the brightness from slice to slice, as a share.
    """

    muscle: float = 1.0
    fat: float = 1.0
    rv_blood: float = 1.0
    texture: float = 1.0
    ridges: float = 1.0
    papillaries: float = 1.0
    flow: float = 1.0
    place: float = 1.0
    slices: float = 0.0

    def brightness(self, count: int, draw: np.random.Generator) -> NDArray[np.float32]:
        """Return a factor on the signal of each slice, shape (K,)."""
        return np.exp(self.slices * draw.normal(0.0, 1.0, count)).astype(np.float32)


PLAIN = Look()


def draw_look(variety: float, draw: np.random.Generator) -> Look:
    """Draw the look of one patient; `variety` 0 gives factors of 1, 1 the whole range.

    >>> draw_look(0.0, np.random.default_rng(0)) == PLAIN
    True
    """

    def factor(low: float, high: float) -> float:
        return math.exp(variety * draw.uniform(math.log(low), math.log(high)))

    return Look(
        muscle=factor(0.6, 1.7),
        fat=factor(0.55, 1.35),
        rv_blood=factor(0.75, 1.15),
        texture=factor(1.0, 4.0),
        ridges=factor(0.5, 2.0),
        papillaries=factor(0.6, 1.6),
        flow=factor(0.5, 4.0),
        place=1 + variety * draw.uniform(0.0, 4.0),
        slices=0.12 * variety,
    )


def cut_out(labels_TIJK: NDArray[np.uint8], sides: tuple[int, int], draw: np.random.Generator) -> tuple[slice, slice]:
    """Draw a box of columns and rows about the heart, as a reader or a detector of hearts would cut it out.

    The box lies within the picture. Its middle is that of the labels of the first frame, up to an eighth of its side
    beside it, and it never loses the left ventricle: the right one and the wall may be cut.

    Args:
        labels_TIJK: 3 is the cavity of the left ventricle.
        sides: least and greatest number of columns and rows, each drawn.
        draw: the generator.
    """
    box = []
    for axis in (0, 1):
        others = tuple(n for n in (0, 1, 2) if n != axis)
        heart, cavity = (np.flatnonzero(shown.any(others)) for shown in (labels_TIJK[0] > 0, (labels_TIJK == 3).any(0)))
        room = labels_TIJK.shape[1 + axis]
        side = min(int(draw.integers(sides[0], sides[1] + 1)), room)
        first = (int(heart[0]) + int(heart[-1]) + 1 - side) / 2 + side * draw.uniform(-0.125, 0.125)
        first = min(max(first, int(cavity[-1]) + 1 - side), int(cavity[0])) if len(cavity) <= side else first
        first = min(max(round(first), 0), room - side)
        box.append(slice(first, first + side))
    return box[0], box[1]
