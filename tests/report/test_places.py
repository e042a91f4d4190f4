import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from vesalius.report.places import Places, draw_places
from vesalius.report.style import look

WHITE = np.full((60, 80, 3), 255, np.uint8)


def drawn(*pictures, names=("a", "b")):
    return np.asarray(Image.open(io.BytesIO(draw_places(pictures, names))).convert("RGB")).astype(int)


def count(picture, number):
    colour = np.round(np.array(to_rgb(look(number).colour)) * 255)
    return int((np.abs(picture - colour).max(axis=2) < 40).sum())


def test_regions_are_drawn_in_the_colours_of_their_classes():
    none = drawn(Places("p", WHITE, [], []))
    one = drawn(Places("p", WHITE, [(0.1, 0.1, 0.5, 0.5)], [1]))
    two = drawn(Places("p", WHITE, [(0.1, 0.1, 0.5, 0.5), (0.7, 0.7, 0.2, 0.2)], [1, 0]))
    assert count(none, 0) == count(none, 1) == 0
    assert count(one, 1) > 50 > count(one, 0) == 0
    assert count(two, 0) > 15


def test_the_edge_of_the_tissue_is_drawn_where_it_is_known():
    tissue = np.zeros((30, 40), bool)
    tissue[:15] = True  # the upper half: the edge lies in the middle
    plain, edged = drawn(Places("p", WHITE, [], [])), drawn(Places("p", WHITE, [], [], tissue))
    assert edged.shape[0] >= plain.shape[0]
    assert (edged.min(axis=2) < 100).sum() > (plain.min(axis=2) < 100).sum()
    assert drawn(Places("p", WHITE, [], [], np.ones((3, 4), bool))).size


def test_no_picture_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="no picture to draw"):
        draw_places([], ["a"])
