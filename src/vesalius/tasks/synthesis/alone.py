"""Pictures of a caption and a mask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vesalius.scan.synthetic import MASKS, Stamp, mask_digest
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.synthesis.masks import Labels, at_size
from vesalius.tasks.synthesis.produce import Planned, Work
from vesalius.tasks.synthesis.settings import SynthesisSettings

_LETTERS = 40


def planned_alone(
    generator: Generator, folder: Path, caption: str, mask_JI: Labels | None, settings: SynthesisSettings
) -> Iterator[Planned]:
    """Yield `settings.count` pictures, of seeds that follow each other, each with the mask that it follows.

    Raises:
        UsageError, InputError: the request cannot be fulfilled.
    """
    shown_JI = None
    for seed in range(settings.seed, settings.seed + settings.count):
        request = Request(caption, mask_JI, seed, settings.size)
        generator.check(request)
        path = folder / f"{name_of(caption)}_{seed}.{settings.format}"
        stamp = Stamp(generator.name, generator.digest, caption, seed, mask_digest(mask_JI), settings.stamp)
        load = partial(Work, path, request, stamp)
        if mask_JI is not None:
            shown_JI = at_size(mask_JI, generator.size_of(request)) if shown_JI is None else shown_JI
            load = partial(load, folder / MASKS / path.name, shown_JI)
        yield Planned(path.name, path, stamp, load)


def name_of(caption: str) -> str:
    """Return the beginning of a caption as a file name.

    Example:
        >>> name_of("Stained microscopy, few nuclei"), name_of("細胞")
        ('stained-microscopy-few-nuclei', 'picture')
    """
    words = re.sub(r"[^a-z0-9]+", "-", caption.lower())[:_LETTERS].strip("-")
    return words or "picture"
