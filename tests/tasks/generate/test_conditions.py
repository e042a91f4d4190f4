import torch
from torch import nn

from vesalius.nets.text_bytes import TextBytes
from vesalius.tasks.generate.conditions import Captions, Conditions


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.calls = TextBytes(width=16, heads=2).make().eval(), []

    def forward(self, captions):
        self.calls.append(list(captions))
        return self.net(captions)


def test_a_frozen_encoder_reads_each_caption_once():
    text, captions = Counting(), Captions()
    first, kept = captions.encode(text, ["one", "another, longer one", "one", ""], trained=False)
    assert text.calls == [["one"], ["another, longer one"], [""]]
    again, _ = captions.encode(text, ["one"], trained=False)
    assert len(text.calls) == 3
    torch.testing.assert_close(again[0], first[0, : again.shape[1]])
    assert kept.any(1).tolist() == [True, True, True, False]
    assert not first.requires_grad


def test_few_captions_are_remembered():
    text, captions = Counting(), Captions(most=2)
    for caption in ("a", "b", "c", "a"):
        captions.encode(text, [caption], trained=False)
    assert text.calls == [["a"], ["b"], ["c"], ["a"]]


def test_a_trained_encoder_learns():
    text = Counting()
    tokens, _ = Captions().encode(text, ["one"], trained=True)
    assert tokens.requires_grad


def test_without_places_the_mask_is_zero():
    mask = torch.ones(1, 2, 4, 4)
    given = Conditions(torch.zeros(1, 3, 8), torch.ones(1, 3, dtype=torch.bool), mask)
    assert not given.without_mask().mask_BMJI.any()
    assert given.mask_BMJI.all()
