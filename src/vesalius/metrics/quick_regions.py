"""Bright, red or colourful regions of a picture, without any training: quick methods, no measure of structure.

They find what a threshold finds: red lesions in photographs of the fundus, bright spots, stained tissue. They know
neither anatomy nor disease, take vessels for bleeding and glare for exudate, and differ between cameras. A segmenter
that was trained on real pictures is the judge; these are for a first look where there is none.

Letters: J rows, I columns.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

QuickMethod = Literal["red", "saturation", "brightness"]
QUICK_METHODS: tuple[QuickMethod, ...] = get_args(QuickMethod)


def quick_region(picture_JI3: NDArray[np.floating], method: QuickMethod) -> NDArray[np.bool_]:
    """Return the pixels whose redness, saturation or brightness is above Otsu's threshold of the picture.

    Redness is red minus the mean of green and blue; saturation (max - min) / max; brightness the mean of the channels.

    Args:
        picture_JI3: red, green and blue from 0 to 1.
        method: what is looked at.

    Example:
        >>> picture = np.zeros((4, 4, 3)); picture[:2, :, 0] = 0.9
        >>> int(quick_region(picture, "red").sum()), int(quick_region(picture * 0, "brightness").sum())
        (8, 0)
    """
    values = _seen(np.asarray(picture_JI3, np.float64), method)
    if values.max() - values.min() < 1e-6:
        return np.zeros(values.shape, bool)
    return np.asarray(values > threshold_otsu(values))


def _seen(picture_JI3: NDArray[np.float64], method: QuickMethod) -> NDArray[np.float64]:
    red, green, blue = np.moveaxis(picture_JI3, -1, 0)
    match method:
        case "red":
            return np.asarray(red - (green + blue) / 2)
        case "saturation":
            high = picture_JI3.max(axis=-1)
            return np.asarray((high - picture_JI3.min(axis=-1)) / np.maximum(high, 1e-6))
        case "brightness":
            return np.asarray(picture_JI3.mean(axis=-1))
