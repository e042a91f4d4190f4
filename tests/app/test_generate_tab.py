import pytest

pytest.importorskip("gradio")

from vesalius.app.generate_tab import size_of
from vesalius.errors import UsageError


@pytest.mark.parametrize(("words", "size"), [("64 x 128", (64, 128)), ("16,8", (16, 8)), (" 32X32 ", (32, 32))])
def test_sizes_are_read(words, size):
    assert size_of(words) == size


@pytest.mark.parametrize("words", ["", None, "64", "0 x 64", "a x b", "64 x 64 x 64", "-1 x 4", "999999 x 1"])
def test_other_words_are_one_line(words):
    with pytest.raises(UsageError, match="rows x columns"):
        size_of(words)
