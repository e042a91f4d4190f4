"""The tiny tokenizer with tables by which its tokens are coded, and with one quality."""

from pathlib import Path

from nets.tiny_tokenizer import Tiny, TinyTokenizer, make_tokenizer
from vesalius.nets.cycle_prior import CyclePrior


class CodedTiny(Tiny):
    """See TinyTokenizer."""

    single: bool = False

    def make(self):
        return CodedTinyTokenizer(self)


class CodedTinyTokenizer(TinyTokenizer):
    """Coded by the plain prior."""

    def __init__(self, config):
        super().__init__(config)
        if config.single:
            self.qualities = (4,)
        self.prior = CyclePrior(self.width, self.qualities, 4)

    def tables(self):
        return self.prior.tables()


def tokenizer_folder(folder: Path, **sizes) -> str:
    """A model folder, for `tokens:FOLDER`."""
    return str(make_tokenizer(folder, CodedTiny(**sizes)))
