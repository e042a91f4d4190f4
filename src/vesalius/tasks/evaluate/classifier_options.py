"""Options of `evaluate classifier`. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vesalius.config import Config
from vesalius.errors import UsageError


class ClassifierOptions(Config):
    """Which cases of a cohort, or which precomputed vectors, a classifier is measured on."""

    split: str | None = Field(default=None, description="Only this split of a manifest.")
    skip_invalid: bool = Field(default=False, description="Skip unreadable scans and list them.")
    embeddings: Path | None = Field(default=None, description="Instead of COHORT: vectors, .npy [N, D].")
    labels: Path | None = Field(
        default=None,
        description="Of the vectors: .npy [N, classes] in the order of the model's classes, or .csv with a header.",
    )
    patients: Path | None = Field(default=None, description="Of the vectors: .npy [N] or a text file of N lines.")
    studies: Path | None = Field(default=None, description="Likewise: which vectors are slices of one study.")
    cache: Path | None = Field(
        default=None, description="Where vectors of scans are kept, by default the user's; prepared pictures too."
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
