"""Encoders of text from a local folder of transformers (BERT, CLIP, T5, Gemma and so on), frozen.

Lumina-Next takes the last layer but one of Gemma-2B, 2048 wide, and 256 tokens at most (arXiv:2406.18583).

Letters: B captions, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vesalius.errors import InputError, MissingExtraError
from vesalius.nets.outside import Outside, weights_in
from vesalius.nets.text import TextNet


class TextFolder(TextNet):
    """Hidden states of a transformers model as the tokens of captions; the weights stay in their folder."""

    folder: str = Field(min_length=1, description="of config.json, the tokenizer and safetensors files")
    width: int = Field(ge=1, description="of its hidden states, e.g. 768 for CLIP-L, 2048 for Gemma-2B")
    layer: int = Field(default=-1, description="whose output is taken: -1 the last, -2 the one before it")
    most: int = Field(default=256, ge=1, description="tokens of a caption; the rest is cut")
    trained: ClassVar[bool] = False

    def make(self) -> TextFolderNet:
        return TextFolderNet(self)


class TextFolderNet(Outside):
    """The module of `TextFolder`.

    Args:
        config: its folder and layer.

    Raises:
        MissingExtraError: transformers is not installed.
        InputError: the folder holds no encoder of text, or one of another width or fewer layers.
    """

    def __init__(self, config: TextFolder) -> None:
        files = weights_in(config.folder)
        tokenizer, encoder = _loaded(config.folder)
        super().__init__(encoder, files)
        self._tokenizer, self._layer = tokenizer, config.layer
        self._most = min(config.most, tokenizer.model_max_length)
        sizes: Any = encoder.config
        if sizes.hidden_size != config.width:
            what = f"its hidden states are {sizes.hidden_size} wide, not {config.width}"
            raise InputError(what, where=config.folder, fix=f"set text.width={sizes.hidden_size}")
        if not -sizes.num_hidden_layers - 1 <= config.layer <= sizes.num_hidden_layers:
            what = f"has {sizes.num_hidden_layers} layers, there is no layer {config.layer}"
            raise InputError(what, where=config.folder, fix="change text.layer")

    @torch.no_grad()
    def forward(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the tokens of captions, (B, L, D), and which of them are text, (B, L); "" has none."""
        encoder = self.net()
        texts = [text.encode("utf-8", "replace").decode() for text in captions]
        given = self._tokenizer(texts, padding=True, truncation=True, max_length=self._most, return_tensors="pt")
        ids_BL = given["input_ids"].to(self.digest.device)
        kept_BL = given["attention_mask"].to(self.digest.device)
        if not ids_BL.shape[1]:  # tokenizers that begin with no token of their own, and no text
            ids_BL = torch.full((len(texts), 1), self._tokenizer.pad_token_id, device=ids_BL.device)
            kept_BL = torch.zeros_like(ids_BL)
        states = encoder(input_ids=ids_BL, attention_mask=kept_BL, output_hidden_states=True).hidden_states
        empty_B = torch.tensor([not text for text in texts], device=ids_BL.device)
        kept_BL = kept_BL.bool() & ~empty_B[:, None]
        text_BLD = states[self._layer].float()
        return torch.where(kept_BL[:, :, None], text_BLD, 0), kept_BL


def _loaded(folder: str) -> tuple[Any, nn.Module]:
    """The tokenizer and the encoder of text of a folder; no code of the folder is run."""
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("transformers is not installed", extra="diffusion") from error
    given = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(Path(folder)), padding_side="right", **given)
        model = AutoModel.from_pretrained(str(Path(folder)), use_safetensors=True, dtype="auto", **given)
    except Exception as error:  # transformers raises whatever its files provoke
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        what = f"cannot be read by transformers ({reason})"
        raise InputError(what, where=folder, fix="name the folder of a text encoder") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise InputError("its tokenizer has no token to pad with", where=folder, fix="set pad_token in its files")
    text: nn.Module = model.get_encoder() if model.config.is_encoder_decoder else getattr(model, "text_model", model)
    return tokenizer, text
