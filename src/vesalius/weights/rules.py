"""Rules from the names of a checkpoint to those of a network. Each is one step; a key map is a row of them.

Patterns are regular expressions that are searched for in a name; `^` and `$` bind them to its ends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from vesalius.errors import InputError


@dataclass(frozen=True)
class Piece:
    """A tensor on its way.

    Args:
        tensor: its numbers.
        origin: its name in the checkpoint; several are joined by " + ".
        change: how its numbers were made, if they are not those of the checkpoint.
    """

    tensor: Tensor
    origin: str
    change: str | None = None


@dataclass
class Renaming:
    """What the rules work on.

    Args:
        parts: name -> tensor.
        wanted: name -> shape in the network.
        dropped: (name in the checkpoint, why) of what was left out so far.
    """

    parts: dict[str, Piece]
    wanted: Mapping[str, tuple[int, ...]]
    dropped: list[tuple[str, str]] = field(default_factory=list)

    def found(self, pattern: str) -> list[str]:
        """Return the names in which the pattern is found."""
        return [name for name in self.parts if re.search(pattern, name)]

    def rename(self, new_name: Callable[[str], str]) -> None:
        """Give each tensor a new name.

        Raises:
            InputError: two tensors get the same one.
        """
        parts: dict[str, Piece] = {}
        for name, part in self.parts.items():
            new = new_name(name)
            if new in parts:
                raise InputError(f"{parts[new].origin} and {part.origin} are both {new}", fix="choose another layout")
            parts[new] = part
        self.parts = parts


class Rule(Protocol):
    """One step."""

    def apply(self, state: Renaming) -> None:
        """Change the tensors or their names in place."""


@dataclass(frozen=True)
class Rename:
    """Replace what the pattern finds; `to` may name its groups. A prefix: `Rename("^", "vit.")`."""

    pattern: str
    to: str

    def apply(self, state: Renaming) -> None:
        state.rename(lambda name: re.sub(self.pattern, self.to, name))


@dataclass(frozen=True)
class Strip:
    """Remove a prefix from the names that have it."""

    prefix: str

    def apply(self, state: Renaming) -> None:
        state.rename(lambda name: name.removeprefix(self.prefix))


@dataclass(frozen=True)
class Drop:
    """Leave tensors out, and say why."""

    pattern: str
    why: str

    def apply(self, state: Renaming) -> None:
        for name in state.found(self.pattern):
            state.dropped.append((state.parts.pop(name).origin, self.why))


@dataclass(frozen=True)
class Split:
    """Cut tensors into equal parts along the first axis; a part whose name is None is left out.

    Args:
        pattern: finds the name of the whole.
        to: what replaces it, for each part.
        why: the reason for leaving a part out.
    """

    pattern: str
    to: tuple[str | None, ...]
    why: str = ""

    def apply(self, state: Renaming) -> None:
        for name in state.found(self.pattern):
            whole = state.parts[name]
            if whole.tensor.ndim == 0 or len(whole.tensor) % len(self.to):
                continue  # stays as it is, and is reported as unexpected
            del state.parts[name]
            for number, (to, tensor) in enumerate(zip(self.to, whole.tensor.chunk(len(self.to)), strict=True), 1):
                if to is None:
                    state.dropped.append((f"{whole.origin}, part {number}", self.why))
                    continue
                new = re.sub(self.pattern, to, name)
                state.parts[new] = Piece(tensor, whole.origin, f"part {number} of {len(self.to)}")


@dataclass(frozen=True)
class Join:
    """Lay tensors end to end along the first axis; where one is absent the others stay as they are.

    Args:
        pattern: finds a part; `{}` stands for its word.
        words: of the parts, in order.
        to: name of the whole.
    """

    pattern: str
    words: tuple[str, ...]
    to: str

    def apply(self, state: Renaming) -> None:
        first = self.pattern.format(self.words[0])
        for name in state.found(first):
            whole = re.sub(first, self.to, name)
            patterns = [self.pattern.format(word) for word in self.words]
            names = [next((n for n in state.parts if _becomes(n, p, self.to) == whole), None) for p in patterns]
            if any(name is None for name in names):
                continue
            parts = [state.parts.pop(name) for name in names if name is not None]
            tensor = torch.cat([part.tensor for part in parts])
            origin = " + ".join(part.origin for part in parts)
            state.parts[whole] = Piece(tensor, origin, f"joined from {len(parts)}")


@dataclass(frozen=True)
class Inflate:
    """Repeat the input channels of a kernel (second axis) as often as the network has more, and divide by that.

    The same picture in each channel then gives what it gave in one.
    """

    pattern: str

    def apply(self, state: Renaming) -> None:
        for name in state.found(self.pattern):
            part, wanted = state.parts[name], state.wanted.get(name, ())
            if len(wanted) < 2 or part.tensor.ndim != len(wanted):
                continue
            times, rest = divmod(wanted[1], part.tensor.shape[1])
            if rest or times < 2:
                continue
            tensor = part.tensor.repeat(1, times, *[1] * (len(wanted) - 2)) / times
            how = f"input channels repeated {times} times, divided by {times}"
            state.parts[name] = Piece(tensor, part.origin, how)


@dataclass(frozen=True)
class Permute:
    """Put the axes of tensors in another order, e.g. (3, 2, 0, 1) for kernels of TensorFlow."""

    pattern: str
    axes: tuple[int, ...]

    def apply(self, state: Renaming) -> None:
        for name in state.found(self.pattern):
            part = state.parts[name]
            if part.tensor.ndim == len(self.axes):
                state.parts[name] = Piece(part.tensor.permute(self.axes), part.origin, f"axes in order {self.axes}")


@dataclass(frozen=True)
class Squeeze:
    """Add or remove axes of length 1 where the shape in the network differs in nothing else."""

    pattern: str

    def apply(self, state: Renaming) -> None:
        for name in state.found(self.pattern):
            part, wanted = state.parts[name], state.wanted.get(name, ())
            shape = tuple(part.tensor.shape)
            if shape != wanted and _long(shape) == _long(wanted):
                state.parts[name] = Piece(part.tensor.reshape(wanted), part.origin, "axes of length 1")


@dataclass(frozen=True)
class Fill:
    """Give a tensor that the checkpoint never holds equal numbers, whose sum is 1."""

    name: str
    why: str

    def apply(self, state: Renaming) -> None:
        wanted = state.wanted.get(self.name)
        if wanted is not None and self.name not in state.parts:
            tensor = torch.full(wanted, 1 / max(1, math.prod(wanted)))
            state.parts[self.name] = Piece(tensor, self.name, self.why)


@dataclass(frozen=True)
class Twin:
    """Leave out copies of other tensors; a copy that differs from its original stays, and is unexpected.

    Args:
        pattern: finds the name of a copy.
        original: what replaces it in the name of its original.
    """

    pattern: str
    original: str

    def apply(self, state: Renaming) -> None:
        for name in state.found(self.pattern):
            original = state.parts.get(re.sub(self.pattern, self.original, name))
            if original is not None and torch.equal(original.tensor, state.parts[name].tensor):
                state.dropped.append((state.parts.pop(name).origin, f"a copy of {original.origin}"))


@dataclass(frozen=True)
class SplitPairs:
    """Reorder the numbers of each head from neighbouring pairs, which turn with row and column in turns, to halves.

    Pair p becomes the numbers p' and p' + half, first the pairs that turn with the row, then those of the column.

    Args:
        pattern: finds what is reordered along its first axis.
        heads: (pattern, replacement): from the name to that of a tensor with a number for each head.
        width: likewise, to that of a tensor whose first axis is the width of all heads of queries.
    """

    pattern: str
    heads: tuple[str, str]
    width: tuple[str, str]

    def apply(self, state: Renaming) -> None:
        for name in state.found(self.pattern):
            heads, width = (state.wanted.get(re.sub(*to, name), (0,))[0] for to in (self.heads, self.width))
            head, part = width // heads if heads else 0, state.parts[name]
            if not head or head % 4 or len(part.tensor) % head:
                continue  # stays as it is, and is reported by its shape
            pairs = torch.cat([torch.arange(0, head, 4), torch.arange(2, head, 4)])
            order = torch.cat([pairs, pairs + 1])
            heads_HE = part.tensor.reshape(-1, head, *part.tensor.shape[1:])
            rows = heads_HE[:, order].flatten(0, 1)
            state.parts[name] = Piece(rows, part.origin, "pairs of a head in halves")


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)


def _becomes(name: str, pattern: str, to: str) -> str | None:
    return re.sub(pattern, to, name) if re.search(pattern, name) else None
