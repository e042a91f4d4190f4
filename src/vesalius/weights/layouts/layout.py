"""The form of the public checkpoints of one family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vesalius.weights.keymap import KeyMap


@dataclass(frozen=True)
class Layout:
    """The form of a family of checkpoints.

    Args:
        about: the files and their origin, in one line.
        net: the network that they fit, as in a configuration: {"name": ..., sizes}. Empty where any network does.
        keymap: from their names to that network's.
        ct_window: `transforms.prepare.ct_slices` window of the images that they were trained on, for networks of three
            channels; None: the preparation is unknown.
    """

    about: str
    net: Mapping[str, Any]
    keymap: KeyMap
    ct_window: Literal["wide"] | None = None
