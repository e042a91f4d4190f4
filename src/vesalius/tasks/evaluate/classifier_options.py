"""Options of `evaluate classifier`. Imports little, so that help starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError


@checked_fields
@dataclass(frozen=True)
class ClassifierOptions:
    """Which cases of a cohort, or which precomputed vectors, a classifier is measured on."""

    split: str | None = field(default=None, metadata={"help": "Only this split of a manifest.", "flag": "--split NAME"})
    skip_invalid: bool = field(default=False, metadata={"help": "Skip unreadable scans and list them."})
    embeddings: Path | None = field(
        default=None, metadata={"help": "Instead of COHORT: vectors, .npy [N, D].", "flag": "--embeddings FILE"}
    )
    labels: Path | None = field(
        default=None,
        metadata={
            "help": "Of the vectors: .npy [N, classes] in the order of the model's classes, or .csv with a header.",
            "flag": "--labels FILE",
        },
    )
    patients: Path | None = field(
        default=None,
        metadata={"help": "Of the vectors: .npy [N] or a text file of N lines.", "flag": "--patients FILE"},
    )
    studies: Path | None = field(
        default=None,
        metadata={"help": "Likewise: which vectors are slices of one study.", "flag": "--studies FILE"},
    )
    cache: Path | None = field(
        default=None,
        metadata={
            "help": "Where vectors of scans are kept, by default the user's; prepared pictures too.",
            "flag": "--cache DIR",
        },
    )

    @property
    def vectors(self) -> dict[str, Path | None]:
        """The files of precomputed vectors by name."""
        return {name: getattr(self, name) for name in ("embeddings", "labels", "patients", "studies")}

    def check(self, cohort: Path | None) -> None:
        """Raise UsageError unless there is one cohort, or embeddings with their labels."""
        given = [f"--{name}" for name, path in self.vectors.items() if path is not None]
        if cohort is not None and given:
            raise UsageError("belongs to vectors, and a cohort was given", where=given[0], fix="give one of the two")
        if cohort is None and not given:
            fix = "name a manifest, or pass --embeddings and --labels"
            raise UsageError("there is nothing to measure on", where="COHORT", fix=fix)
        missing = [name for name in ("embeddings", "labels") if self.vectors[name] is None]
        if cohort is None and missing:
            raise UsageError("is missing", where=f"--{missing[0]}", fix="pass --embeddings and --labels")
        if cohort is None and self.split is not None:
            raise UsageError("only a manifest has splits", where="--split", fix="leave it out")
