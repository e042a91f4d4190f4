import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import InputError
from vesalius.weights.rules import (
    Drop,
    Fill,
    Inflate,
    Join,
    Permute,
    Piece,
    Rename,
    Renaming,
    Split,
    SplitPairs,
    Squeeze,
    Strip,
    Twin,
)


def state(wanted=None, **tensors):
    parts = {name: Piece(torch.as_tensor(value, dtype=torch.float32), name) for name, value in tensors.items()}
    return Renaming(parts, wanted or {})


def names(one):
    return list(one.parts)


def test_strip_and_rename():
    one = Renaming({"module.a.gamma": Piece(torch.zeros(1), "module.a.gamma")}, {})
    Strip("module.").apply(one)
    Rename(r"\.gamma$", ".weight").apply(one)
    Rename("^", "net.").apply(one)
    assert names(one) == ["net.a.weight"]
    assert one.parts["net.a.weight"].origin == "module.a.gamma"


def test_two_tensors_of_one_name_are_refused():
    with pytest.raises(InputError, match="a1 and a2 are both a"):
        Rename(r"\d", "").apply(state(a1=[0], a2=[0]))


def test_drop_says_why():
    one = state(head=[1], body=[2])
    Drop("^head", "of the pre-training").apply(one)
    assert (names(one), one.dropped) == (["body"], [("head", "of the pre-training")])


def test_split_in_three_and_leave_one_out():
    one = state(bias=[1, 2, 3, 4, 5, 6])
    Split("bias$", ("q", None, "v"), "is zero").apply(one)
    assert {name: part.tensor.tolist() for name, part in one.parts.items()} == {"q": [1, 2], "v": [5, 6]}
    assert one.parts["v"].change == "part 3 of 3"
    assert one.dropped == [("bias, part 2", "is zero")]


def test_what_cannot_be_split_stays():
    one = state(bias=[1, 2, 3, 4])
    Split("bias$", ("q", "k", "v")).apply(one)
    assert names(one) == ["bias"]


@given(st.permutations(["x_q", "x_k", "x_v"]))
def test_join_is_in_the_order_of_the_words(order):
    values = {"x_q": [1], "x_k": [2, 3], "x_v": [4]}
    one = state(**{name: values[name] for name in order})
    Join(r"^(.)_{}$", ("q", "k", "v"), r"\1_qkv").apply(one)
    assert one.parts["x_qkv"].tensor.tolist() == [1, 2, 3, 4]
    assert one.parts["x_qkv"].origin == "x_q + x_k + x_v"


def test_join_with_one_absent_leaves_the_others():
    one = state(x_q=[1], x_v=[4], y_k=[3])
    Join(r"^(.)_{}$", ("q", "k", "v"), r"\1_qkv").apply(one)
    assert names(one) == ["x_q", "x_v", "y_k"]


@given(st.integers(1, 3), st.integers(1, 4))
def test_inflate_keeps_the_answer_to_a_repeated_image(channels, times):
    torch.manual_seed(channels)
    kernel, x = torch.randn(2, channels, 3, 3), torch.randn(1, channels, 5, 5)
    one = Renaming({"w": Piece(kernel, "w")}, {"w": (2, channels * times, 3, 3)})
    Inflate("^w$").apply(one)
    wide = one.parts["w"].tensor
    assert wide.shape == (2, channels * times, 3, 3)
    got = torch.nn.functional.conv2d(x.repeat(1, times, 1, 1), wide)
    torch.testing.assert_close(got, torch.nn.functional.conv2d(x, kernel), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("wanted", [(2, 5, 3), (2, 1, 3), (2, 2), ()])
def test_inflate_leaves_what_does_not_divide(wanted):
    one = Renaming({"w": Piece(torch.zeros(2, 2, 3), "w")}, {"w": wanted})
    Inflate("w").apply(one)
    assert one.parts["w"].tensor.shape == (2, 2, 3)
    assert one.parts["w"].change is None


def test_permute():
    one = Renaming({"k": Piece(torch.zeros(3, 4, 2, 5), "k"), "b": Piece(torch.zeros(5), "b")}, {})
    Permute("", (3, 2, 0, 1)).apply(one)
    assert one.parts["k"].tensor.shape == (5, 2, 3, 4)
    assert one.parts["b"].tensor.shape == (5,)


def test_squeeze_adds_and_removes_axes_of_length_one_only():
    one = Renaming(
        {
            name: Piece(torch.arange(6.0).reshape(shape), name)
            for name, shape in {"a": (2, 3, 1, 1), "b": (6,), "c": (2, 3)}.items()
        },
        {"a": (2, 3), "b": (1, 6), "c": (3, 2)},
    )
    Squeeze("^[abc]$").apply(one)
    assert {name: tuple(part.tensor.shape) for name, part in one.parts.items()} == {
        "a": (2, 3),
        "b": (1, 6),
        "c": (2, 3),
    }
    assert one.parts["a"].tensor.flatten().tolist() == list(range(6))
    assert (one.parts["a"].change, one.parts["c"].change) == ("axes of length 1", None)


def test_fill_gives_what_the_network_wants_and_nothing_else():
    one = Renaming({"b": Piece(torch.ones(2), "b")}, {"a": (4,), "b": (2,)})
    for name in ("a", "b", "c"):
        Fill(name, "why").apply(one)
    assert one.parts["a"].tensor.tolist() == [0.25] * 4
    assert (one.parts["a"].change, one.parts["b"].change) == ("why", None)
    assert set(one.parts) == {"a", "b"}


def test_a_copy_is_left_out_and_a_tensor_that_differs_is_not():
    one = state(a=[1.0, 2.0], a2=[1.0, 2.0], b=[1.0], b2=[3.0], c2=[1.0])
    Twin("2$", "").apply(one)
    assert names(one) == ["a", "b", "b2", "c2"]
    assert one.dropped == [("a2", "a copy of a")]


def test_pairs_of_a_head_are_split_into_halves():
    one = state({"gate": (2,), "out": (16, 3)}, query=range(16), other=range(7))
    SplitPairs("query|other", heads=("query|other", "gate"), width=("query|other", "out")).apply(one)
    assert one.parts["query"].tensor.tolist() == [0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15]
    assert one.parts["other"].tensor.tolist() == list(range(7))  # no whole heads: reported by its shape
