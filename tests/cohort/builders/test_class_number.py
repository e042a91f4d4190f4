import pytest

from vesalius.cohort.builders.class_number import class_labels


@pytest.mark.parametrize(
    ("known", "positive"),
    [([0], []), ([1], [1]), ([7], [7]), ([0, 1], [1]), ([-1, 0], [0]), ([3, 5], [5])],
)
def test_two_classes_at_most_are_one_label(known, positive):
    labels = {number: class_labels(number, known) for number in known}
    assert labels == {number: {"positive": float(number in positive)} for number in known}


def test_of_more_classes_each_has_a_label():
    assert class_labels(2, [0, 2, 9]) == {"class0": 0, "class2": 1, "class9": 0}
