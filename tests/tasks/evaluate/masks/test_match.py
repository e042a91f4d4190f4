from pathlib import Path

from vesalius.tasks.evaluate.masks.find import Mask
from vesalius.tasks.evaluate.masks.match import match_masks


def mask(*keys, cine=(), split=None, name="mask"):
    return Mask(keys[0], name, "", keys[0], lambda: None, Path(keys[0]), keys, cine, split=split)


def found(predicted, reference):
    matched = match_masks(predicted, reference)
    return [(pair.predicted.keys[0], pair.reference.keys[0]) for pair in matched.pairs], matched.alone


def test_by_name():
    pairs, alone = found([mask("b"), mask("a"), mask("x")], [mask("a"), mask("b"), mask("y")])
    assert pairs == [("a", "a"), ("b", "b")]
    assert alone == {"y": "no predicted mask", "x": "no reference mask"}


def test_two_files_are_a_pair():
    assert found([mask("a")], [mask("b")]) == ([("a", "b")], {})


def test_a_name_that_means_several_is_no_match():
    predicted = [mask("s1/seg", "seg"), mask("s3/seg", "seg")]
    pairs, alone = found(predicted, [mask("s1/seg", "seg"), mask("s2/seg", "seg")])
    assert pairs == [("s1/seg", "s1/seg")]
    assert alone == {"s2/seg": "no predicted mask", "s3/seg": "no reference mask"}
    _, alone = found(predicted, [mask("seg"), mask("other")])
    assert alone["seg"] == "2 predicted masks are called seg"


def test_a_cine_serves_all_its_moments():
    moments = [mask(f"c/{name}", cine=("c",), name=name) for name in ("ED", "ES")]
    assert found([mask("c")], moments) == ([("c", "c/ED"), ("c", "c/ES")], {})
    exact = [mask("c"), mask("c/ED")]
    assert found(exact, moments)[0] == [("c/ED", "c/ED"), ("c", "c/ES")]
    assert [pair.by_cine for pair in match_masks(exact, moments).pairs] == [False, True]


def test_another_moment_is_no_counterpart():
    moments = [mask(f"c/{name}", cine=("c",), name=name) for name in ("ED", "ES")]
    pairs, alone = found(moments[:1], moments)
    assert pairs == [("c/ED", "c/ED")]
    assert alone == {"c/ES ES": "no predicted mask"}
