"""From requests to files: what is finished is skipped, what fails is listed, nothing is half-written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Box
from vesalius.errors import OutputError, VesaliusError
from vesalius.output import refuse_existing
from vesalius.scan.synthetic import Stamp, read_stamp, write_synthetic
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.synthesis.settings import SynthesisSettings
from vesalius.wording import Progress

_BATCHES_AT_ONCE = 4


@dataclass(frozen=True, eq=False)
class Work:
    """A picture to make.

    Args:
        path: its file.
        request: what it shows.
        stamp: what its file says.
        mask_path: file of its label map; None: none is written.
        mask_JI: that label map, in the size of the picture.
        boxes: around what it shows.
    """

    path: Path
    request: Request
    stamp: Stamp
    mask_path: Path | None = None
    mask_JI: NDArray[np.unsignedinteger] | None = None
    boxes: tuple[Box, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Whether its files are there: the picture is written last."""
        return (self.mask_path is None or self.mask_path.is_file()) and read_stamp(self.path) == self.stamp

    def write(self, picture_JIC: NDArray[np.unsignedinteger], *, force: bool = False) -> None:
        """Write the label map, then the picture; raises as `write_synthetic`."""
        if self.mask_path is not None and self.mask_JI is not None:
            replaces = force or read_stamp(self.mask_path) is not None
            write_synthetic(self.mask_path, self.mask_JI[:, :, None], self.stamp, force=replaces)
        write_synthetic(self.path, picture_JIC, self.stamp, force=force)


@dataclass(frozen=True)
class Planned:
    """A picture whose mask is not read yet.

    Args:
        name: for messages: the file or case that it comes from.
        path: its file.
        stamp: what its file will say, but for the digest of the mask.
        load: makes the work; may raise a VesaliusError.
    """

    name: str
    path: Path
    stamp: Stamp
    load: Callable[[], Work]


@dataclass(frozen=True)
class Produced:
    """What became of the planned pictures.

    Args:
        made: number of pictures.
        skipped: number of those that were there already.
        failed: {"path", "error"} of each that could not be made.
        done: pictures that are there now, with the boxes around what they show.
    """

    made: int
    skipped: int
    failed: list[dict[str, str]]
    done: Mapping[Path, tuple[Box, ...]]


def check_free(planned: Iterable[Planned]) -> None:
    """Raise OutputError where a file is there that this run would not have written; nothing is sampled."""
    for plan in planned:
        if plan.path.exists() or plan.path.is_symlink():
            stamp = read_stamp(plan.path)
            if stamp is None or replace(stamp, mask_sha256="") != replace(plan.stamp, mask_sha256=""):
                what = "exists already and is not the picture that would be written"
                raise OutputError(what, where=plan.path, fix="choose another folder or pass --force")


def produce(
    generator: Generator,
    planned: Sequence[Planned],
    settings: SynthesisSettings,
    *,
    force: bool = False,
    progress: Progress,
) -> Produced:
    """Make the pictures that are not there, a few batches at a time.

    Raises:
        OutputError: a file cannot be written, or is another one than this run would write.
    """
    made = skipped = 0
    failed: list[dict[str, str]] = []
    done: dict[Path, tuple[Box, ...]] = {}

    def waiting() -> Iterator[Work]:
        nonlocal skipped
        for plan in planned:
            try:
                work = plan.load()
                generator.check(work.request)
            except VesaliusError as error:
                failed.append({"path": plan.name, "error": f"{plan.name}: {error.reason}"})
                continue
            if work.is_finished:
                skipped += 1
                done[work.path] = work.boxes
            else:
                refuse_existing(work.path, force=force)
                yield work

    works = waiting()
    while several := list(islice(works, _BATCHES_AT_ONCE * settings.batch)):
        pictures = generator.sample([work.request for work in several], settings)
        for work, picture_JIC in zip(several, pictures, strict=True):
            work.write(picture_JIC, force=force)
            made += 1
            done[work.path] = work.boxes
            progress(f"{made + skipped} of {len(planned)} pictures")
    return Produced(made, skipped, failed, done)
