"""Report of every tensor of a checkpoint and of a network: loaded, missing, unexpected, left out or changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

_SHOWN = 3
"""Names in a message; the rest is counted."""


@dataclass(frozen=True)
class MatchReport:
    """How a checkpoint fits a network.

    Args:
        loaded: tensors of the network that were found.
        parameters: numbers in them.
        missing: tensors of the network that the checkpoint lacks.
        unexpected: tensors of the checkpoint that the network lacks, by the names they have there.
        shapes: (tensor of the network, shape in the checkpoint, shape wanted).
        allowed: (name, "missing", "unexpected" or "shape"): as these three, but named by the user.
        dropped: (name in the checkpoint, why it was left out).
        changed: (tensor of the network, how its numbers were made).
    """

    loaded: tuple[str, ...] = ()
    parameters: int = 0
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    shapes: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()
    allowed: tuple[tuple[str, str], ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    changed: tuple[tuple[str, str], ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nothing is missing, unexpected or of another shape but what was allowed."""
        return bool(self.loaded) and not (self.missing or self.unexpected or self.shapes)

    def problem(self) -> str:
        """Return the misfits for a message: counts and the first names."""
        wrong = tuple(f"{name} is {_size(given)} instead of {_size(wanted)}" for name, given, wanted in self.shapes)
        kinds = ((self.missing, "missing"), (self.unexpected, "unexpected"), (wrong, "of another shape"))
        problems = [f"{len(names)} {word} ({_first(names)})" for names, word in kinds if names]
        return "; ".join(problems) or ("" if self.loaded else "no tensor fits")

    def as_dict(self) -> dict[str, Any]:
        """Return every name, and the counts, for JSON."""
        return {"fits": self.fits, "counts": self.counts(), **asdict(self)}

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> MatchReport:
        """The inverse of `as_dict`."""
        return cls(**{key: value for key, value in table.items() if key not in ("fits", "counts")})

    def counts(self) -> dict[str, int]:
        """Return how many tensors there are of each kind."""
        kinds = ("loaded", "missing", "unexpected", "shapes", "allowed", "dropped", "changed")
        return {kind: len(getattr(self, kind)) for kind in kinds}

    def lines(self) -> Iterator[str]:
        """Format for people: a line for each kind, reasons grouped."""
        yield f"loaded: {len(self.loaded)} tensors, {self.parameters:,} numbers"
        yield f"missing: {len(self.missing)}, unexpected: {len(self.unexpected)}, other shape: {len(self.shapes)}"
        for word, pairs in (("allowed", self.allowed), ("changed", self.changed), ("left out", self.dropped)):
            for reason in dict.fromkeys(why for _, why in pairs):
                names = tuple(name for name, why in pairs if why == reason)
                yield f"{word}: {len(names)} {reason} ({_first(names)})"


def _first(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one number"
