"""When vectors count as collapsed: the rule that every self-supervised job shares."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from vesalius.config import Config
from vesalius.errors import TrainingError


class CollapseConfig(Config):
    """When a run is given up."""

    least_spread: float = Field(default=0.01, ge=0, description="a collapse has a spread below this")
    least_rank: float = Field(default=1.2, ge=0, description="and an effective rank below this")
    grace: int = Field(default=5, ge=0, description="epochs before a collapse ends the run")

    def judged(self, epoch: int) -> bool:
        """Whether a collapse would end the run after so many epochs; before the first step nothing is judged."""
        return epoch >= max(1, self.grace)

    def check(self, measures: Mapping[str, float], epoch: int, fix: str) -> None:
        """Give up where all vectors have become the same; one vector alone (no spread) shows nothing.

        Args:
            measures: with `spread` and `effective_rank` of `vesalius.metrics.embedding`.
            epoch: number of epochs that are done.
            fix: what to try, for the message.

        Raises:
            TrainingError: a collapse, after the epochs of grace.

        Example:
            >>> CollapseConfig(grace=2).check({"spread": 0.0, "effective_rank": 1.0}, 1, "train longer")
        """
        if "spread" not in measures or not self.judged(epoch):
            return
        if measures["spread"] < self.least_spread and measures["effective_rank"] < self.least_rank:
            what = (
                f"the encoder has collapsed after {epoch} epochs: it gives all images nearly the same vector "
                f"(spread {measures['spread']:.2g}, effective rank {measures['effective_rank']:.2g})"
            )
            raise TrainingError(what, where="health", fix=fix)
