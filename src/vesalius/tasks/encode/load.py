"""The encoder of a model by its name: of pictures, or a tokenizer of whole scans."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import torch

from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.token_encoder import TokenEncoder
from vesalius.training.device import Precision
from vesalius.weights.place import locate
from vesalius.weights.saved import TOKENIZER, read_config

AnySliceEncoder: TypeAlias = Encoder | TokenEncoder


def load_encoder(
    name: str | Path, device: str | torch.device = "cpu", precision: Precision = "fp32"
) -> AnySliceEncoder:
    """Load what gives vectors of slices.

    Args:
        name: a model folder, a run folder, or a name of the zoo; with a part "tokenizer" or "encoder".
        device: where it runs.
        precision: of an encoder of pictures; a tokenizer always computes in fp32.

    Raises:
        InputError: no such model, or it has neither part.
        CorruptFileError: it is damaged.
    """
    if TOKENIZER in read_config(locate(name)).parts:
        return TokenEncoder.from_pretrained(name, device)
    return Encoder.from_pretrained(name, device, precision)
