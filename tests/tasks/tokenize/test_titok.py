"""A trained tokenizer in use."""

import json

import numpy as np
import pytest
import torch

import vesalius
from tasks.tokenize.small import ToyCells
from tasks.tokenize.tiny import FRAMES, OVER_TIME, VQGAN
from vesalius.codec.still import decoded_mean
from vesalius.errors import CorruptFileError, InputError, UsageError, VesaliusError
from vesalius.nets.net import Net
from vesalius.scan.scan import Scan
from vesalius.tasks.tokenize.config import SCALED
from vesalius.tasks.tokenize.titok import TiTok
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.weights.saved import ModelConfig, save_pretrained


def written(folder, net, name="tokenizer", task="tokenize"):
    folder.mkdir()
    torch.manual_seed(0)
    module = net.make()
    for parameter in module.parameters():
        if not parameter.any():  # nets that begin with nothing would hide what a prefix loses
            torch.nn.init.normal_(parameter, std=0.02)
    save_pretrained(folder, {name: module}, ModelConfig.of(task, {name: net}))
    write_contract(InputContract(prepare=SCALED), folder)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    nets = {"frames": FRAMES, "cycle": OVER_TIME, "stage0": {"name": "vqgan", **VQGAN}}
    return {name: written(folder / name, Net.read(net)) for name, net in nets.items()}


def cine(frames=7, slices=2, rows=23, columns=18):
    draw = np.random.default_rng(0)
    return draw.integers(0, 900, (1, frames, columns, rows, slices)).astype(np.int16)


@pytest.mark.parametrize("size", [(7, 2, 23, 18), (1, 1, 24, 20), (2, 1, 9, 31)])
def test_any_size_goes_there_and_back_in_the_units_of_the_scan(models, size):
    frames, slices = size[:2]
    array = cine(*size)
    for name, groups in (("frames", frames * slices), ("cycle", slices)):
        tokenizer = vesalius.TiTok.from_pretrained(models[name])
        tokens = tokenizer.encode(array)
        assert tokens.dtype == np.int32
        assert tokens.shape[0] == groups
        assert tokens.ndim == 2
        values = tokenizer.decode_tokens(tokens)
        assert values.shape == array.shape
        low, high = np.percentile(array.astype(float), (0.1, 99.9))
        assert low - 1 <= values.min() <= values.max() <= high + 1
        assert np.array_equal(values, tokenizer.decode_tokens(np.asarray(tokens), tokens.origin))


def test_what_goes_through_is_the_tokenizer_s_own(models):
    tokenizer = TiTok.from_pretrained(models["cycle"])
    array = cine()
    tokens = tokenizer.encode(array, still=30)
    low, high = np.percentile(array.astype(float), (0.1, 99.9))
    x_KTJI = ((array[0].transpose(3, 0, 2, 1) - low) / (high - low)).clip(0, 1).astype(np.float32)
    mean_KJI = decoded_mean(x_KTJI.mean(1), 30)
    expected = tokenizer.tokenizer.encode(torch.from_numpy(x_KTJI), torch.from_numpy(mean_KJI), 0)
    assert np.array_equal(tokens, expected[..., 0].numpy())
    few = tokenizer.decode_tokens(tokens[:, :6])
    x = tokenizer.tokenizer.decode(expected[:, :6], torch.from_numpy(mean_KJI), x_KTJI.shape, 0).numpy()
    assert np.allclose(few[0], x.transpose(1, 3, 2, 0) * (high - low) + low, atol=0.01)
    assert not np.array_equal(few, tokenizer.decode_tokens(tokens))


def test_several_components_of_a_place_stay_an_axis(tmp_path):
    class Deep(type(ToyCells().make())):
        def shape(self, size_KTJI):
            return (*super().shape(size_KTJI)[:2], 2)

        def encode(self, x_KTJI, mean_KJI, quality):
            return super().encode(x_KTJI, mean_KJI, quality).repeat(1, 1, 2)

        def decode(self, tokens_GLM, mean_KJI, size_KTJI, quality):
            return super().decode(tokens_GLM[..., :1], mean_KJI, size_KTJI, quality)

    tokenizer = TiTok(Deep(), InputContract(prepare=SCALED))
    tokens = tokenizer.encode(cine(3, 2, 24, 20))
    assert tokens.shape == (6, 30, 2)
    assert np.array_equal(tokenizer.decode_tokens(tokens[..., :1]), tokenizer.decode_tokens(tokens))


def test_a_path_a_scan_and_an_array_are_the_same(models, make_nifti):
    path = make_nifti((20, 24, 2, 3))
    tokenizer = TiTok.from_pretrained(models["frames"])
    scan = vesalius.open_scan(path)
    first = tokenizer.encode(path)
    assert np.array_equal(first, tokenizer.encode(scan))
    assert np.array_equal(first, tokenizer.encode(scan.values()))


def test_bad_input_is_one_line_each(models):
    tokenizer = TiTok.from_pretrained(models["cycle"])
    array = cine()
    tokens = tokenizer.encode(array)
    nan = array.astype(np.float32)
    nan[0, 0, 0, 0, 0] = np.nan
    attempts = {
        "is CT": lambda: tokenizer.encode(Scan.from_array(array, modality="CT")),
        "2 channels": lambda: tokenizer.encode(np.concatenate([array, array])),
        "NaN": lambda: tokenizer.encode(nan),
        "quality": lambda: tokenizer.encode(array, 9),
        "still": lambda: tokenizer.encode(array, still=64),
        "a prefix of shape": lambda: tokenizer.decode_tokens(np.concatenate([tokens, tokens], 1), tokens.origin),
        "not those of 2 groups": lambda: tokenizer.decode_tokens(tokens[:1]),
        "at least one": lambda: tokenizer.decode_tokens(tokens[:, :0]),
        "lost the size": lambda: tokenizer.decode_tokens(np.asarray(tokens)),
        "whole numbers": lambda: tokenizer.decode_tokens(tokens.astype(float), tokens.origin),
        "none of the 16 codes": lambda: tokenizer.decode_tokens(tokens + 99),
    }
    for words, attempt in attempts.items():
        with pytest.raises(VesaliusError, match=words) as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_foreign_and_damaged_models(models, tmp_path):
    with pytest.raises(InputError, match="is a model for segment"):
        TiTok.from_pretrained("segment/cine_unet")
    with pytest.raises(InputError, match="stage of training"):
        TiTok.from_pretrained(models["stage0"])
    with pytest.raises(InputError, match="neither a folder"):
        TiTok.from_pretrained("nothing")
    damaged = written(tmp_path / "damaged", Net.read(FRAMES))
    weights = damaged / "tokenizer.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CorruptFileError):
        TiTok.from_pretrained(damaged)
    other = written(tmp_path / "other", Net.read(FRAMES))
    contract = json.loads((other / "preprocessor.json").read_text())
    contract["prepare"]["values"] = [{"name": "zscore"}]
    (other / "preprocessor.json").write_text(json.dumps(contract))
    with pytest.raises(InputError, match="cannot be undone"):
        TiTok.from_pretrained(other)
    assert issubclass(UsageError, VesaliusError)
