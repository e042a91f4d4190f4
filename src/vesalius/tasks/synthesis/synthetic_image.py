"""A picture of Pillow whose files say that it is synthetic.

Letters: J rows, I columns, C channel (1 or 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from vesalius.scan.synthetic import Stamp, pillow_image, png_chunks


class SyntheticImage(Image):
    """As `PIL.Image.Image`; a PNG file that it is saved to bears its stamp, and a JPEG file a comment."""

    stamp: Stamp

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        """Save as Pillow does; text chunks that are given as `pnginfo` take the place of the stamp."""
        super().save(fp, format, **{"pnginfo": png_chunks(self.stamp)} | params)


def synthetic_image(picture_JIC: NDArray[np.uint8], stamp: Stamp) -> Image:
    """Return a picture that says what it was made of, in its `info` and in its files."""
    picture = pillow_image(picture_JIC)
    picture.__class__ = SyntheticImage  # Pillow makes no pictures of a class of others
    assert isinstance(picture, SyntheticImage)
    picture.stamp = stamp
    picture.info.update(synthetic=True, comment=f"synthetic: {stamp.words}".encode(), **vars(stamp))
    return picture
