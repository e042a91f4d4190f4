"""Options of `vesalius search`. Imports little, so that help starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError


@checked_fields
@dataclass(frozen=True)
class SearchOptions:
    """How many cases are shown, and which are left out.

    Raises:
        UsageError: fewer than one case.
    """

    top_k: int = field(default=5, metadata={"help": "similar cases to show"})
    not_same_patient: bool = field(default=False, metadata={"help": "leave out other cases of the query's patient"})
    model: str | None = field(
        default=None,
        metadata={
            "help": "encoder of the store, for a file as QUERY, where its folder has moved",
            "flag": "--model MODEL",
        },
    )

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise UsageError(f"{self.top_k} was given", where="--top-k", fix="give 1 or more")
