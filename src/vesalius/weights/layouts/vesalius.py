"""Tensors under the names of our own networks, as `torch.save(net.state_dict())` leaves them."""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.layout import Layout
from vesalius.weights.rules import Strip

PLAIN = Layout(
    about="tensors of one of our networks; name it: name=unet dims=2 ...",
    net={},
    keymap=KeyMap(wrappers=("state_dict", "model"), rules=(Strip("module."), Strip("_orig_mod."))),
)
