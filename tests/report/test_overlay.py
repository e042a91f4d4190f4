import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report.overlay import Outlined, outlines


def picture(found=True):
    truth = np.zeros((30, 40), int)
    truth[10:20, 10:20] = 1
    return Outlined("one", np.random.default_rng(0).random((30, 40)), truth, truth if found else truth * 0)


def test_outlines_are_drawn_in_colour():
    drawn = np.asarray(Image.open(io.BytesIO(outlines([picture(), picture()], ("organ",)))).convert("RGB")).astype(int)
    blue = (drawn[..., 2] - drawn[..., 0] > 80).sum()
    assert blue > 200
    bare = Outlined("", picture().picture_JI, picture().truth_JI * 0, picture().truth_JI * 0)
    empty = np.asarray(Image.open(io.BytesIO(outlines([bare, bare], ("organ",)))).convert("RGB")).astype(int)
    assert (empty[..., 2] - empty[..., 0] > 80).sum() < blue / 2


def test_a_constant_picture_and_no_picture():
    one = Outlined("", np.zeros((5, 5)), np.zeros((5, 5), int), np.ones((5, 5), int), (2.0, 1.0))
    assert outlines([one], ("a",)).startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no picture"):
        outlines([], ("a",))
