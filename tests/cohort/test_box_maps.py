import numpy as np
import pytest

from vesalius.cohort.box_maps import box_caption, box_map
from vesalius.cohort.case import Box

CLASSES = ("disc", "hard_exudates")


def box(label: str, left: float, top: float, right: float, bottom: float) -> Box:
    return Box(label=label, left=left, top=top, right=right, bottom=bottom)


@pytest.mark.parametrize("sides", [(0.1, 0.2, 0.5, 0.6), (0.0, 0.3, 0.9, 0.45), (0.33, 0.71, 0.34, 0.73)])
def test_every_pixel_whose_middle_lies_in_the_ellipse_is_covered(sides):
    left, top, right, bottom = sides
    rows, columns = 40, 60
    expected = np.zeros((rows, columns), int)
    for j in range(rows):
        for i in range(columns):
            x, y = (i + 0.5) / columns, (j + 0.5) / rows
            a = (x - (left + right) / 2) / ((right - left) / 2)
            b = (y - (top + bottom) / 2) / ((bottom - top) / 2)
            expected[j, i] = a * a + b * b <= 1
    drawn = box_map([box("disc", *sides)], CLASSES, (rows, columns))
    if expected.any():
        assert np.array_equal(drawn, expected)
    else:
        assert drawn.sum() == 1
        j, i = np.argwhere(drawn)[0]
        assert abs((i + 0.5) / columns - (left + right) / 2) <= 1 / columns
        assert abs((j + 0.5) / rows - (top + bottom) / 2) <= 1 / rows


def test_a_box_covers_all_of_it_and_touches_its_sides():
    drawn = box_map([box("hard_exudates", 0.25, 0.5, 0.75, 1.0)], CLASSES, (8, 8), "box")
    assert np.array_equal(np.argwhere(drawn == 2).min(0), [4, 2])
    assert np.array_equal(np.argwhere(drawn == 2).max(0), [7, 5])
    assert (drawn == 2).sum() == 16
    ellipse = box_map([box("hard_exudates", 0.25, 0.5, 0.75, 1.0)], CLASSES, (8, 8))
    assert np.array_equal(np.argwhere(ellipse).min(0), [4, 2])
    assert np.array_equal(np.argwhere(ellipse).max(0), [7, 5])
    assert (ellipse == 2).sum() == 12


def test_a_small_box_lies_over_a_large_one_whatever_the_order():
    large, small = box("disc", 0, 0, 1, 1), box("hard_exudates", 0.4, 0.4, 0.6, 0.6)
    maps = [box_map(boxes, CLASSES, (20, 20), "box") for boxes in ([large, small], [small, large])]
    assert np.array_equal(*maps)
    assert ((maps[0] == 1).sum(), (maps[0] == 2).sum()) == (400 - 16, 16)


def test_other_classes_are_left_out():
    assert not box_map([box("vessel", 0, 0, 1, 1)], CLASSES, (4, 4)).any()


def test_a_caption_names_each_class_once_in_the_order_of_the_classes():
    boxes = [box("hard_exudates", 0, 0, 1, 1), box("disc", 0, 0, 1, 1), box("disc", 0, 0, 1, 0.5)]
    assert box_caption(boxes, CLASSES, "fundus photograph ") == "fundus photograph, disc, hard exudates"
    assert box_caption(boxes[:1], CLASSES, "") == "hard exudates"


def test_a_caption_never_says_that_a_class_is_absent():
    assert box_caption([], CLASSES, "fundus photograph") == "fundus photograph"
