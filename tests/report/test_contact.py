import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.style import look

GREY = np.full((20, 30), 128, np.uint8)
GREEN = np.zeros((20, 30, 3), np.uint8) + np.array([10, 240, 10], np.uint8)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def share(png, colour, within=3):
    return (np.abs(pixels(png) - np.array(colour)).max(axis=2) <= within).mean()


def test_grey_and_coloured_pictures_and_a_frame():
    png = contact_sheet([Tile("query\na", GREY, framed=True), Tile("0.9\nb", GREEN)])
    assert share(png, (128, 128, 128)) > 0.1
    assert share(png, (10, 240, 10)) > 0.1
    frame = [int(look(1).colour[n : n + 2], 16) for n in (1, 3, 5)]
    assert share(png, frame) > 0.003
    assert share(contact_sheet([Tile("a", GREY)]), frame) == 0


def test_rows_of_pictures():
    one, five = (pixels(contact_sheet([Tile("a", GREY)] * count)).shape for count in (1, 5))
    assert five[0] == pytest.approx(2 * one[0], rel=0.02)
    assert five[1] == pytest.approx(4 * one[1], rel=0.02)


def test_a_pixel_that_is_taller_than_wide():
    flat, tall = (
        (np.abs(pixels(contact_sheet([Tile("", GREY, aspect)])) - 128).max(axis=2) < 3) for aspect in (1, 1.5)
    )
    assert np.ptp(np.nonzero(flat)[0]) * 1.4 < np.ptp(np.nonzero(flat)[1])
    assert np.ptp(np.nonzero(tall)[0]) == pytest.approx(np.ptp(np.nonzero(tall)[1]), rel=0.1)


@pytest.mark.parametrize("tiles", [[], [Tile("a", GREY[:0])]])
def test_nothing_to_draw(tiles):
    with pytest.raises(ValueError, match="no picture"):
        contact_sheet(tiles)
