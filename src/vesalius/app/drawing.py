"""Masks that are drawn on the page: colours to classes and back, and examples by rule.

Letters: J rows, I columns, Z canvas rows or columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.app.slices import rgb
from vesalius.seeding import generator

CANVAS = 512
"""Pixels of the longer side of the canvas."""
EXAMPLES = ("scattered", "one large", "clear")
_HALF = 128
"""Opacity, of 255, from which a pixel counts as painted."""


def canvas_of(size: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of the canvas for a picture.

    Example:
        >>> canvas_of((64, 128))
        (256, 512)
    """
    scale = CANVAS / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def classes_drawn(layers: Sequence[NDArray[np.uint8]], classes: int, size: tuple[int, int]) -> NDArray[np.int16]:
    """Return class numbers (J, I), 0 the background, of what was painted.

    A pixel belongs to what covers most of its area.

    Args:
        layers: (Z, Z, 4), the last one on top.
        classes: number of classes.
        size: rows and columns of the result.
    """
    numbers = np.zeros(layers[0].shape[:2] if layers else size, np.uint8)
    colours = np.array([rgb(number) for number in range(1, classes + 1)], np.float32)
    for layer in layers:
        painted = layer[:, :, 3] >= _HALF
        distance = ((layer[painted][:, None, :3].astype(np.float32) - colours) ** 2).sum(2)
        if numbers.shape == painted.shape:
            numbers[painted] = 1 + distance.argmin(1)
    shares = [_area(numbers == number, size) for number in range(classes + 1)]
    return np.argmax(shares, axis=0).astype(np.int16)


def editor_value(numbers_JI: NDArray[np.integer], size: tuple[int, int]) -> dict[str, Any]:
    """Return class numbers as a value of the editor: one painted layer on the canvas of a picture of `size`."""
    rows, columns = canvas_of(size)
    large = np.asarray(Image.fromarray(numbers_JI.astype(np.uint8)).resize((columns, rows), Image.Resampling.NEAREST))
    layer = np.zeros((rows, columns, 4), np.uint8)
    for number in np.unique(large[large > 0]).tolist():
        layer[large == number] = (*rgb(number), 255)
    return {"background": None, "layers": [layer], "composite": layer}


def example(name: str, classes: int, size: tuple[int, int]) -> NDArray[np.int16]:
    """Return an example mask (J, I): ellipses at drawn places, one large ellipse, or nothing.

    Example:
        >>> example("clear", 1, (8, 8)).any(), np.unique(example("one large", 1, (16, 16))).tolist()
        (np.False_, [0, 1])
    """
    numbers = np.zeros(size, np.int16)
    rows, columns = size
    if name == "one large":
        for number in range(1, classes + 1):
            shrink = 0.32 / number
            numbers[_ellipse(size, (0.5, 0.5), (shrink, shrink * 1.15), 0.4)] = number
    if name == "scattered":
        draw = generator("example", name, rows, columns)
        for place in range(14):
            centre, axes = draw.uniform(0.08, 0.92, 2), draw.uniform(0.035, 0.075, 2)
            numbers[_ellipse(size, centre, axes, draw.uniform(0, np.pi))] = 1 + place % max(1, classes)
    return numbers


def _area(inside: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.float32]:
    """The share of each pixel of a picture that a region of the canvas covers."""
    whole = Image.fromarray(inside.astype(np.float32))
    return np.asarray(whole.resize((size[1], size[0]), Image.Resampling.BOX))


def _ellipse(size: tuple[int, int], centre: Any, axes: Any, angle: float) -> NDArray[np.bool_]:
    """Where an ellipse lies; centre and half axes are shares of the sides."""
    shorter = min(size)
    down, across = np.mgrid[: size[0], : size[1]] + 0.5
    down, across = down - centre[0] * size[0], across - centre[1] * size[1]
    along, beside = np.cos(angle) * across + np.sin(angle) * down, np.cos(angle) * down - np.sin(angle) * across
    inside: NDArray[np.bool_] = (along / (axes[0] * shorter)) ** 2 + (beside / (axes[1] * shorter)) ** 2 <= 1
    return inside
