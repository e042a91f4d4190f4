"""What every tokenizer must do; `make` gives one with random weights, `SIZES` scans that must work."""

import pytest
import torch

from nets.tiny_tokenizer import Tiny
from vesalius.nets.tokenizer import Tokenizer

TOKENIZERS = {"tiny": Tiny(), "tiny alone": Tiny(takes_mean=False)}
"""Configurations; a new tokenizer is one line."""
SIZES = ((2, 10, 24, 32), (1, 1, 17, 23), (1, 2, 16, 16), (3, 5, 31, 18))


@pytest.fixture(params=TOKENIZERS.values(), ids=TOKENIZERS)
def tokenizer(request):
    torch.manual_seed(0)
    made = request.param.make().eval()
    assert isinstance(made, Tokenizer)
    return made


@pytest.mark.parametrize("size_KTJI", SIZES, ids=str)
@torch.no_grad()
def test_tokens_of_any_size_and_any_prefix_of_them(tokenizer, size_KTJI):
    x_KTJI = torch.rand(size_KTJI, generator=torch.Generator().manual_seed(1))
    mean_KJI = x_KTJI.mean(1) if tokenizer.takes_mean else None
    groups, places, components = tokenizer.shape(size_KTJI)
    rows, columns = tokenizer.grid(size_KTJI)
    assert rows * columns == places
    assert list(tokenizer.qualities) == sorted(set(tokenizer.qualities), reverse=True) or len(tokenizer.qualities) == 1
    for quality in {tokenizer.qualities[0], tokenizer.qualities[-1]}:
        tokens_GLM = tokenizer.encode(x_KTJI, mean_KJI, quality)
        assert (tokens_GLM.shape, tokens_GLM.dtype) == ((groups, places, components), torch.int32)
        assert torch.equal(tokens_GLM, tokenizer.encode(x_KTJI, mean_KJI, quality))
        assert tokenizer.values(tokens_GLM, quality).shape == (groups, places, tokenizer.width)
        for count in (1, places if components == 1 else components):
            part = tokenizer.prefix(tokens_GLM, count)
            assert part.shape[0] == groups
            assert part.numel() == groups * count * (1 if components == 1 else places)
            again = tokenizer.decode(part, mean_KJI, size_KTJI, quality)
            assert again.shape == size_KTJI
            assert again.isfinite().all()
        whole = tokenizer.decode(tokens_GLM, mean_KJI, size_KTJI, quality)
        assert torch.equal(whole, tokenizer.decode(tokens_GLM, mean_KJI, size_KTJI, quality))


@torch.no_grad()
def test_tables_are_integers_of_any_number_of_axes(tokenizer):
    for name, table in tokenizer.tables().items():
        assert table.dtype.kind in "iu", name
