import numpy as np
import pytest

from vesalius.app.drawing import EXAMPLES, canvas_of, classes_drawn, editor_value, example
from vesalius.app.slices import rgb


def test_what_is_painted_comes_back():
    numbers = np.zeros((16, 24), np.int16)
    numbers[2:6, 3:9], numbers[10:14, 12:20] = 1, 2
    layers = editor_value(numbers, (16, 24))["layers"]
    assert layers[0].shape == (*canvas_of((16, 24)), 4)
    assert np.array_equal(classes_drawn(layers, 2, (16, 24)), numbers)


def test_the_nearest_colour_counts_and_faint_edges_do_not():
    layer = np.zeros((8, 8, 4), np.uint8)
    layer[:4, :, :3], layer[:4, :, 3] = np.clip(np.array(rgb(2)) + 9, 0, 255), 255
    layer[4:, :, :3], layer[4:, :, 3] = rgb(1), 90
    drawn = classes_drawn([layer], 2, (8, 8))
    assert np.unique(drawn[:4]).tolist() == [2]
    assert not drawn[4:].any()


def test_later_layers_lie_on_top():
    below, above = np.zeros((2, 4, 4, 4), np.uint8)
    below[:] = (*rgb(1), 255)
    above[:2] = (*rgb(2), 255)
    assert classes_drawn([below, above], 2, (4, 4))[:, 0].tolist() == [2, 2, 1, 1]


def test_nothing_painted_is_an_empty_mask():
    assert not classes_drawn([], 3, (5, 7)).any()
    assert classes_drawn([], 3, (5, 7)).shape == (5, 7)


@pytest.mark.parametrize("classes", [1, 3])
def test_examples_hold_the_classes(classes):
    for name in EXAMPLES:
        found = set(np.unique(example(name, classes, (64, 48)))) - {0}
        assert found == (set() if name == "clear" else set(range(1, classes + 1)))
    assert np.array_equal(example("scattered", 1, (32, 32)), example("scattered", 1, (32, 32)))
