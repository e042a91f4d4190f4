"""From a public checkpoint to one of our networks: explicit rules, and a report of every tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from vesalius.errors import InputError
from vesalius.weights.report import MatchReport
from vesalius.weights.rules import Piece, Renaming, Rule


@dataclass(frozen=True)
class KeyMap:
    """How the tensors of a checkpoint become those of a network.

    Args:
        wrappers: tables that may lie around the tensors; at each level the first that exists is opened.
        rules: applied in order.

    Example:
        >>> from vesalius.weights.rules import Rename, Strip
        >>> net = nn.Linear(2, 1)
        >>> checkpoint = {"model": {"module.kernel": torch.ones(1, 2), "module.bias": torch.ones(1)}}
        >>> report = match(checkpoint, net, KeyMap(("model",), (Strip("module."), Rename("^kernel$", "weight"))))
        >>> report.loaded, net.weight.tolist()
        (('weight', 'bias'), [[1.0, 1.0]])
    """

    wrappers: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()


def match(checkpoint: Mapping[str, Any], module: nn.Module, keymap: KeyMap, allow: Iterable[str] = ()) -> MatchReport:
    """Load a checkpoint into a module; unless all of it fits, nothing is loaded.

    Args:
        checkpoint: names to tensors, perhaps in tables of tables.
        module: gets the tensors, in its own dtypes and on its own devices.
        keymap: from the checkpoint's names to the module's.
        allow: patterns such as "decoder*" of what may be missing (it stays as it is), unexpected (it is left out) or of
            another shape (both). They are held against the module's names and the checkpoint's own.

    Raises:
        InputError: a tensor is missing, unexpected, of another shape or not finite.
    """
    tensors = dict(module.state_dict())
    state = _opened(checkpoint, keymap, {name: tuple(tensor.shape) for name, tensor in tensors.items()})
    for rule in keymap.rules:
        rule.apply(state)
    report = _compared(state, tuple(allow))
    if not report.fits:
        fix = "check the layout and the sizes of the network, or name what may differ with --allow"
        raise InputError(f"does not fit the network: {report.problem()}", fix=fix)
    for part in (state.parts[name] for name in report.loaded):
        if part.tensor.is_floating_point() and not bool(torch.isfinite(part.tensor).all()):
            raise InputError(f"{part.origin} holds NaN or infinite values", fix="get the checkpoint again")
    with torch.no_grad():
        for name in report.loaded:
            tensors[name].copy_(state.parts[name].tensor)
    return report


def _opened(checkpoint: Mapping[str, Any], keymap: KeyMap, wanted: Mapping[str, tuple[int, ...]]) -> Renaming:
    dropped: list[tuple[str, str]] = []
    table, path = checkpoint, ""
    while (key := next((word for word in keymap.wrappers if isinstance(table.get(word), Mapping)), None)) is not None:
        dropped += [(f"{path}{name}", f"beside {path}{key}") for name in table if name != key]
        table, path = table[key], f"{path}{key}."
    tensors = {str(name): value for name, value in table.items() if isinstance(value, Tensor)}
    dropped += [(f"{path}{name}", "no tensor") for name in table if str(name) not in tensors]
    return Renaming({name: Piece(tensor, name) for name, tensor in tensors.items()}, wanted, dropped)


def _compared(state: Renaming, allow: tuple[str, ...]) -> MatchReport:
    parts, wanted = state.parts, state.wanted
    allowed: list[tuple[str, str]] = []

    def refused(name: str, kind: str, *also: str) -> bool:
        if any(fnmatchcase(each, pattern) for each in (name, *also) for pattern in allow):
            allowed.append((name, kind))
            return False
        return True

    loaded = tuple(name for name, shape in wanted.items() if name in parts and tuple(parts[name].tensor.shape) == shape)
    missing = [name for name in wanted if name not in parts and refused(name, "missing")]
    unexpected = [
        part.origin for name, part in parts.items() if name not in wanted and refused(part.origin, "unexpected", name)
    ]
    shapes = [
        (name, tuple(parts[name].tensor.shape), shape)
        for name, shape in wanted.items()
        if name in parts and name not in loaded and refused(name, "shape", parts[name].origin)
    ]
    changed = [(name, parts[name].change) for name in loaded]
    return MatchReport(
        loaded=loaded,
        parameters=sum(parts[name].tensor.numel() for name in loaded),
        missing=tuple(missing),
        unexpected=tuple(unexpected),
        shapes=tuple(shapes),
        allowed=tuple(allowed),
        dropped=tuple(state.dropped),
        changed=tuple((name, how) for name, how in changed if how is not None),
    )
