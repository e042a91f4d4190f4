import sys

import pytest
import torch

from vesalius.errors import InputError, MissingExtraError
from vesalius.nets.net import build
from vesalius.nets.text_folder import TextFolder
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "stained", "fluorescence", "few", "many", "nuclei"]
BERT = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small BERT with its tokenizer, as transformers saves them."""
    transformers = pytest.importorskip("transformers")
    path = tmp_path_factory.mktemp("bert")
    (path / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizer(str(path / "vocab.txt")).save_pretrained(path)
    torch.manual_seed(0)
    transformers.BertModel(transformers.BertConfig(vocab_size=len(WORDS), **BERT)).save_pretrained(path)
    return path


def read(path, **changes):
    return build(TextFolder(**{"folder": str(path), "width": 16, "layer": -2, **changes}))


def test_tokens_are_hidden_states_of_the_named_layer(folder):
    from transformers import BertModel

    net = read(folder)
    text, kept = net(["few nuclei", "stained", ""])
    assert text.shape == (3, 4, 16)
    assert kept.tolist() == [[True] * 4, [True, True, True, False], [False] * 4]
    assert not text[~kept].any()
    model = BertModel.from_pretrained(folder).eval()
    ids = torch.tensor([[WORDS.index(word) for word in ("[CLS]", "few", "nuclei", "[SEP]")]])
    with torch.no_grad():
        states = model(ids, output_hidden_states=True).hidden_states
    torch.testing.assert_close(text[:1], states[-2])
    torch.testing.assert_close(read(folder, layer=-1)(["few nuclei"])[0], states[-1])


def test_a_caption_does_not_depend_on_those_beside_it(folder):
    net = read(folder)
    torch.testing.assert_close(net(["stained", "many many nuclei"])[0][0, :3], net(["stained"])[0][0])


def test_long_captions_are_cut_and_odd_ones_read(folder):
    text, _ = read(folder, most=8)(["nuclei " * 10_000])
    assert text.shape == (1, 8, 16)
    assert read(folder)(["\ud800"])[1].any()


def test_it_is_frozen_and_its_weights_stay_in_their_folder(folder, tmp_path):
    net = read(folder)
    assert not TextFolder.trained
    assert not list(net.parameters())
    config = TextFolder(folder=str(folder), width=16)
    save_pretrained(tmp_path, {"text": net}, ModelConfig.of("test", {"text": config}))
    assert (tmp_path / "text.safetensors").stat().st_size < 500
    loaded = from_pretrained(tmp_path, "test").net
    torch.testing.assert_close(loaded(["few nuclei"])[0], read(folder, layer=-1)(["few nuclei"])[0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 32}, "its hidden states are 16 wide, not 32; set text.width=16"),
        ({"layer": 4}, "has 3 layers, there is no layer 4"),
        ({"layer": -5}, "there is no layer -5"),
        ({"folder": "/none"}, "/none: is not a folder"),
    ],
)
def test_settings_that_do_not_fit(folder, changes, words):
    with pytest.raises(InputError, match=words):
        read(folder, **changes)


def test_a_folder_that_transformers_cannot_read_is_one_line(folder, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(InputError, match="cannot be read by transformers") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_clip_gives_its_encoder_of_text(folder, tmp_path):
    import transformers

    sizes = {"hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={**sizes, "vocab_size": len(WORDS), "max_position_embeddings": 12, "eos_token_id": 3},
        vision_config={**sizes, "image_size": 8, "patch_size": 4},
        projection_dim=4,
    )
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    assert read(tmp_path)(["few nuclei"])[0].shape == (1, 4, 16)


def test_a_missing_extra_is_one_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vesalius\[diffusion\]'"):
        TextFolder(folder=str(folder), width=16).make()
