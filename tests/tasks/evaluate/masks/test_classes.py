import pytest

from vesalius.errors import UsageError
from vesalius.tasks.evaluate.masks.classes import lv_label, parse_classes


def test_words_become_names():
    assert parse_classes("1=RV, 2=MYO ,3 =LV cavity") == {1: "RV", 2: "MYO", 3: "LV cavity"}
    assert parse_classes("255=lesion") == {255: "lesion"}


@pytest.mark.parametrize("words", ["", "1", "1=", "=RV", "x=RV", "0=none", "1=a,1=b", "1=a,2=a", "1=a,,2=b", "-1=a"])
def test_other_words_are_refused_in_one_line(words):
    with pytest.raises(UsageError, match="--classes") as error:
        parse_classes(words)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["LV", "lv cavity", "Left_Ventricle", "LV-BP"])
def test_the_left_ventricle_is_known_by_name(name):
    assert lv_label({1: "RV", 7: name}, None) == 7


def test_two_classes_that_are_called_the_left_ventricle():
    with pytest.raises(UsageError, match="labels 1 and 3 are both called the LV cavity; pass --lv 1 or --lv 3"):
        lv_label({1: "LV", 2: "MYO", 3: "LV cavity"}, None)
    assert lv_label({1: "LV", 2: "MYO", 3: "LV cavity"}, 3) == 3


def test_the_left_ventricle_by_number():
    assert lv_label({1: "RV", 2: "MYO"}, None) is None
    assert lv_label({1: "LV", 2: "other"}, 2) == 2
    assert lv_label({}, 3) == 3
    with pytest.raises(UsageError, match="there are 1, 2"):
        lv_label({1: "a", 2: "b"}, 3)
    with pytest.raises(UsageError, match="start from 1"):
        lv_label({}, 0)
