"""The settings of `vesalius generate`: what the command line gives, over a file, over the usual values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from vesalius.cohort.case import Case
from vesalius.config import read_table
from vesalius.scan.synthetic import PictureFormat
from vesalius.tasks.generate.sampler import SampleOptions
from vesalius.tasks.train.jobs import find_config
from vesalius.tasks.train.seed_keys.convert import with_seed_keys
from vesalius.wording import Progress, quiet

_Side = Annotated[int, Field(ge=1, le=4096)]
_Share = Annotated[float, Field(gt=0, le=1)]
_TASK = "sample"
_NOT_OF_A_PICTURE = {"batch", "seed", "area", "format", "texts", "count"}
"""Settings that a picture does not depend on, or that its stamp holds in another place."""


class SynthesisSettings(SampleOptions):
    """How pictures are sampled, and which files they become."""

    seed: int = Field(default=0, ge=0, lt=1 << 53, description="of the noise; further pictures take further seeds")
    size: tuple[_Side, _Side] | None = Field(default=None, description="rows and columns; none: as trained")
    area: tuple[_Share, _Share] = Field(
        default=(1.0, 1.0), description="share of the mask of a case that a picture shows, drawn from the range"
    )
    format: PictureFormat = Field(default="png", description="of the files")
    count: int = Field(default=1, ge=1, le=100_000, description="pictures of a caption")
    texts: dict[str, str] = Field(default={}, description="label -> its words: captions of cases that have none")

    @model_validator(mode="after")
    def _ascending_area(self) -> SynthesisSettings:
        if self.area[0] > self.area[1]:
            raise ValueError("area gives the smaller share first")
        return self

    @property
    def stamp(self) -> str:
        """What pictures of one request depend on besides it, as JSON."""
        return json.dumps(self.model_dump(mode="json", exclude=_NOT_OF_A_PICTURE), sort_keys=True)

    def caption(self, case: Case) -> str:
        """The words of a case, as in training; "" where it has none."""
        if case.caption is not None:
            return case.caption.strip()
        return ", ".join(words for label, words in self.texts.items() if case.labels.get(label) == 1)


def read_settings(config: str | Path | None, given: Mapping[str, Any], progress: Progress = quiet) -> SynthesisSettings:
    """Return the settings.

    Args:
        config: a file, or `generate/sample`, which comes with the package; keys of other code are converted. None: no
            file.
        given: what wins over the file.
        progress: callback that receives a line on keys that mean nothing here.

    Raises:
        ConfigError: a wrong key or value.
        InputError: there is no such file.
    """
    keys: dict[str, Any] = {}
    if config is not None:
        keys, _ = with_seed_keys({"task": _TASK, **read_table(find_config(config))}, (), progress)
        del keys["task"]
    return SynthesisSettings.parse({**keys, **given}, where=None if config is None else str(config))
