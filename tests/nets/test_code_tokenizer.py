import pytest
import torch

from nets.battery import make
from nets.test_titok_tokenizer import NETS
from vesalius.errors import UsageError


def test_tokens_that_do_not_fit():
    tokenizer = make(NETS["frame"]).eval()
    tokens = torch.zeros(2, 5, 1, dtype=torch.int32)
    for wrong, words in (
        (tokens[:1], "are not those of 2 groups"),
        (tokens.repeat(1, 2, 1), "10 tokens are given, a group has 5"),
        (tokens + 50, "none of the 50 codes"),
        (tokens - 1, "none of the 50 codes"),
    ):
        with pytest.raises(UsageError, match=words):
            tokenizer.decode(wrong, None, (1, 2, 16, 24))


def test_padding_repeats_the_last_row_and_column():
    tokenizer = make(NETS["frame"]).eval()
    x = torch.rand(2, 3, 13, 17)
    padded = tokenizer.padded(x)
    assert padded.shape == (2, 3, 16, 24)
    assert torch.equal(padded[..., :13, :17], x)
    assert torch.equal(padded[..., 13:, :17], x[..., 12:, :].expand(-1, -1, 3, -1))
    assert torch.equal(padded[..., 17:], padded[..., 16:17].expand(-1, -1, -1, 7))
    assert tokenizer.padded(padded) is padded
