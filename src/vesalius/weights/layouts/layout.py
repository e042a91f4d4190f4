"""What a layout is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vesalius.weights.keymap import KeyMap


@dataclass(frozen=True)
class Layout:
    """How the checkpoints of a family are laid out.

    Args:
        about: whose they are, in one line.
        net: the network they are for, as in a configuration: {"name": ..., sizes}. Empty where any network is.
        keymap: from their names to that network's.
    """

    about: str
    net: Mapping[str, Any]
    keymap: KeyMap
