"""The options of `Reading`, declared once for every verb that opens scans."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any

import typer

from vesalius.cli.options import Series
from vesalius.errors import UsageError
from vesalius.scan.reading import Orientation, Reading, SpacingFrom

_OPTIONS: dict[str, Any] = {
    "series": Series,
    "orientation": Annotated[
        Orientation | None,
        typer.Option("--orientation", help="Planes to keep where a series holds several orientations."),
    ],
    "assume_rescale": Annotated[
        str | None,
        typer.Option(
            "--assume-rescale",
            metavar="SLOPE,INTERCEPT",
            help="For DICOM slices that state no usable rescaling while others do, and for CT that states none.",
        ),
    ],
    "spacing_from": Annotated[
        SpacingFrom | None,
        typer.Option("--spacing-from", help="Which to trust where sform and pixdim of a NIfTI file disagree."),
    ],
}
"""field of Reading -> its option."""


def reads(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb with the parameter `reading: Reading` one option for each field of it."""
    signature = inspect.signature(verb, eval_str=True)
    ours = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_OPTIONS[one.name])
        for one in fields(Reading)
    ]

    @wraps(verb)
    def wrapped(**given: Any) -> None:
        chosen = {one.name: given.pop(one.name) for one in fields(Reading)}
        if chosen["assume_rescale"] is not None:
            chosen["assume_rescale"] = _pair(chosen["assume_rescale"])
        verb(**given, reading=Reading(**chosen))

    kept = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in signature.parameters.values()
        if one.name != "reading"
    ]
    parameters = [*kept, *ours]
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapped


def _pair(text: str) -> tuple[float, float]:
    try:
        slope, intercept = (float(part) for part in text.split(","))
    except ValueError:
        slope, intercept = 0.0, 0.0
    if slope == 0 or not (math.isfinite(slope) and math.isfinite(intercept)):
        what = f"{text!r} is not a nonzero slope and an intercept"
        raise UsageError(what, where="--assume-rescale", fix="write for instance 1,-1024")
    return slope, intercept
