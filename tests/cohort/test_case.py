import pytest

from vesalius.cohort.case import Case
from vesalius.errors import ConfigError


def case(**values):
    return Case.parse({"id": "a", "images": {"image": "a.png"}, **values})


def test_one_way_to_write_a_name():
    assert case(patient=" Zoe\u0301 ").patient == "Zo\u00e9"
    with pytest.raises(ConfigError, match="patient"):
        case(patient="  ")


def test_what_is_not_known_is_left_out():
    assert case(labels={"any": None, "epidural": 0}).labels == {"epidural": 0.0}
    assert case(facts={"age": None, "sex": "F"}).facts == {"sex": "F"}
    assert case(facts={"n": 3, "x": 0.5, "code": "007", "smoker": True}).facts == {
        "n": 3,
        "x": 0.5,
        "code": "007",
        "smoker": True,
    }


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"labels": {"any": float("nan")}}, "labels.any"),
        ({"images": {"image": "a\0b"}}, "images.image"),
        ({"fold": -1}, "fold"),
        ({"fourth_axis": "depth"}, "fourth_axis"),
        ({"boxes": [{"label": "x", "left": 0, "top": 0, "right": 1.5, "bottom": 1}]}, "boxes.0.right"),
        ({"boxes": [{"label": "x", "left": 0.5, "top": 0, "right": 0.5, "bottom": 1}]}, "boxes.0"),
    ],
)
def test_wrong_values_are_named(wrong, key):
    with pytest.raises(ConfigError, match=f"^{key}: "):
        case(**wrong)


def test_paths_of_images_come_first():
    assert case(masks={"mask": "m.png"}).paths == ("a.png", "m.png")


@pytest.mark.parametrize(
    "words", [{"id": "\ud800"}, {"patient": "a\udfff"}, {"caption": "\ud83d"}, {"facts": {"note": "x\udc00"}}]
)
def test_half_a_surrogate_pair_is_no_text(words):
    with pytest.raises(ConfigError, match="half a surrogate pair"):
        case(**words)
    assert case(id="\U0001f9e0").id == "\U0001f9e0"
