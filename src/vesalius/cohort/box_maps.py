"""From boxes around findings to a label map and a caption.

A box says where a finding is, not what it looks like: its shape is taken to be the ellipse that touches all four sides,
which is right for round structures and leaves out the corners, where a box around a lesion holds healthy tissue. A
picture without boxes of a class is one where nobody drew any; it is not one without the finding.

Letters: J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Box

Shape = Literal["ellipse", "box"]


def box_map(
    boxes: Iterable[Box], classes: Sequence[str], size: tuple[int, int], shape: Shape = "ellipse"
) -> NDArray[np.uint8]:
    """Return the label map of boxes, (J, I): 0 outside, n for the n-th class, from 1.

    Small boxes lie over large ones, so that each is seen. Every box covers at least one pixel.

    Args:
        boxes: around the findings; those of other classes are left out.
        classes: 255 at most, in the order of their values.
        size: rows and columns of the picture.
        shape: what a box covers: the ellipse that it encloses, or all of it.

    Example:
        >>> box = Box(label="disc", left=0, top=0, right=1, bottom=1)
        >>> box_map([box], ["disc"], (4, 4))
        array([[0, 1, 1, 0],
               [1, 1, 1, 1],
               [1, 1, 1, 1],
               [0, 1, 1, 0]], dtype=uint8)
    """
    map_JI = np.zeros(size, np.uint8)
    known = [box for box in boxes if box.label in classes]
    for box in sorted(known, key=lambda box: -(box.right - box.left) * (box.bottom - box.top)):
        down_J = _offsets(box.top, box.bottom, size[0])
        right_I = _offsets(box.left, box.right, size[1])
        if shape == "ellipse":
            inside_JI = down_J[:, None] ** 2 + right_I**2 <= 1
        else:
            inside_JI = (np.abs(down_J)[:, None] <= 1) & (np.abs(right_I) <= 1)
        inside_JI[np.abs(down_J).argmin(), np.abs(right_I).argmin()] = True
        map_JI[inside_JI] = classes.index(box.label) + 1
    return map_JI


def box_caption(boxes: Iterable[Box], classes: Sequence[str], subject: str) -> str:
    """Return a caption: the subject, then each class that has a box, in the order of the classes.

    A class without a box is not named, not even as absent.

    Example:
        >>> box = Box(label="hard_exudates", left=0, top=0, right=1, bottom=1)
        >>> box_caption([box, box], ["optic_disc", "hard_exudates"], "fundus photograph")
        'fundus photograph, hard exudates'
    """
    seen = {box.label for box in boxes}
    words = [name.replace("_", " ") for name in classes if name in seen]
    return ", ".join(word for word in (subject.strip(), *words) if word)


def _offsets(low: float, high: float, count: int) -> NDArray[np.float64]:
    """How far the middle of each pixel lies from the middle of the box, 1 at its sides."""
    centres = (np.arange(count) + 0.5) / count
    return np.asarray((centres - (low + high) / 2) / ((high - low) / 2), np.float64)
