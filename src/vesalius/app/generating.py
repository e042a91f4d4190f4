"""What the tab Generate does: masks and captions to stamped pictures. Runs in the process of the jobs.

Letters: J rows, I columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vesalius.app.worker import Report
from vesalius.errors import InputError, UsageError
from vesalius.metrics.overlap import dice

if TYPE_CHECKING:
    from vesalius.scan.synthetic import Stamp
    from vesalius.tasks.generate.generator import Generator
    from vesalius.tasks.segment.segmenter import Segmenter

MOST_PICTURES = 16
_SHAPE_TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class Asked:
    """What is wanted of a model.

    Args:
        model: a model folder or a name of the zoo.
        caption: the picture in words.
        mask_JI: class numbers in the size of the picture, 0 the background; None: no mask.
        classes: names of the classes 1, 2, ...
        count: number of pictures, of seeds that follow each other.
        sampling: keys of the settings of `vesalius generate`: seed, size, steps, sampler and both guidances.
        segmenter: that judges the pictures; None: none.
    """

    model: str
    caption: str
    mask_JI: NDArray[np.integer] | None
    classes: tuple[str, ...]
    count: int
    sampling: Mapping[str, Any]
    segmenter: str | None = None


@dataclass(frozen=True)
class MadePicture:
    """A picture that was made.

    Args:
        path: the stamped file.
        seed: of its noise.
        dice: class -> overlap of what the segmenter finds with the mask; NaN where neither has the class.
    """

    path: str
    seed: int
    dice: Mapping[str, float]

    @property
    def caption(self) -> str:
        """Words below the picture.

        Example:
            >>> MadePicture("a.png", 3, {"nucleus": 0.8312}).caption
            'seed 3, Dice nucleus 0.83'
        """
        parts = [f"{name} {'-' if math.isnan(value) else f'{value:.2f}'}" for name, value in self.dice.items()]
        return f"seed {self.seed}" + (f", Dice {', '.join(parts)}" if parts else "")


@dataclass(frozen=True)
class MadePictures:
    """The pictures, where they come from (rows of name and value), and the files: the pictures, then the mask."""

    pictures: tuple[MadePicture, ...]
    provenance: tuple[tuple[str, str], ...]
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_mask(file: str, model: str, size: tuple[int, int], folder: str, report: Report) -> NDArray[np.int16]:
    """Return the class numbers (J, I) of a label map that was dropped, in its own resolution.

    Raises:
        InputError: it cannot be read, holds values of no class, or has another shape than a picture of `size`.
        UsageError: the model takes no masks.
    """
    del folder
    from vesalius.tasks.generate.config import GenerateSettings
    from vesalius.tasks.label_values import LabelValues
    from vesalius.tasks.synthesis.masks import mask_of_file
    from vesalius.weights.place import locate
    from vesalius.weights.saved import read_config

    report(0.2, "Reading the mask")
    settings = GenerateSettings.parse(dict(read_config(locate(model)).settings))
    if not settings.classes:
        raise UsageError("the model takes no masks", fix="leave the mask out")
    labels_JI = mask_of_file(Path(file))
    rows, columns = labels_JI.shape
    if abs(rows / size[0] - columns / size[1]) > _SHAPE_TOLERANCE * rows / size[0]:
        what = f"has {rows} x {columns} pixels, which do not have the shape of a picture of {size[0]} x {size[1]}"
        raise InputError(what, where="mask", fix="crop it, or choose another size")
    values = LabelValues(settings.classes, map_values=settings.map_values)
    return values.classes(labels_JI, "mask").astype(np.int16)


def make_pictures(asked: Asked, folder: str, report: Report) -> MadePictures:
    """Sample pictures and write stamped PNG files, the same that `vesalius generate` writes.

    Raises:
        VesaliusError: the model cannot be loaded, or cannot fulfil the request.
    """
    from vesalius.tasks.synthesis.alone import planned_alone
    from vesalius.tasks.synthesis.settings import read_settings

    if not 1 <= asked.count <= MOST_PICTURES:
        raise UsageError(f"{asked.count} pictures were asked for", fix=f"ask for 1 to {MOST_PICTURES}")
    report(0.02, "Loading the model")
    settings = read_settings(None, {**asked.sampling, "count": asked.count})
    generator = _generator(asked.model)
    labels_JI = _labels(asked, generator)
    works = [plan.load() for plan in planned_alone(generator, Path(folder), asked.caption, labels_JI, settings)]

    def step(done: int, total: int) -> None:
        report(0.05 + 0.85 * done / total, f"Step {done} of {total}")

    for work, picture_JIC in zip(
        works, generator.sample([work.request for work in works], settings, step), strict=True
    ):
        work.write(picture_JIC)
    judged: list[dict[str, float]] = [{} for _ in works]
    notes = []
    if asked.segmenter is not None and asked.mask_JI is not None:
        report(0.92, "Measuring the masks")
        segmenter = _segmenter(asked.segmenter)
        judged = [_judged(work.path, asked.mask_JI, asked.classes, segmenter) for work in works]
    elif asked.segmenter is not None:
        notes.append("without a mask there is nothing for the segmenter to compare with")
    pictures = [
        MadePicture(str(work.path), work.request.seed, found) for work, found in zip(works, judged, strict=True)
    ]
    if asked.mask_JI is not None and not asked.mask_JI.any():
        notes.append(f"the mask is empty: pictures without {' or '.join(asked.classes)} were asked for")
    masks = [work.mask_path for work in works[:1] if work.mask_path is not None]  # they are all the same
    files = tuple(str(path) for path in [*(work.path for work in works), *masks])
    return MadePictures(tuple(pictures), _provenance(works[0].stamp), files, tuple(notes))


def _labels(asked: Asked, generator: Generator) -> NDArray[np.int16] | None:
    """The label map that the model takes: of each class its first value."""
    if asked.mask_JI is None:
        return None
    values = [values[0] for values in generator.settings.classes.values()]
    return np.array([0, *values], np.int16)[asked.mask_JI]


def _judged(path: Path, mask_JI: NDArray[np.integer], classes: Sequence[str], segmenter: Segmenter) -> dict[str, float]:
    """Dice of each class that mask and segmenter share."""
    from vesalius.scan.open import open_scan

    labels = segmenter.settings.labels
    found_JI = segmenter(open_scan(path)).stored()[0, 0, :, :, 0].T
    shared = {name: number for number, name in enumerate(classes, start=1) if name in labels}
    return {
        name: dice((found_JI == labels[name][0]).astype(int), (mask_JI == number).astype(int), classes=(1,))[1]
        for name, number in shared.items()
    }


def _provenance(stamp: Stamp) -> tuple[tuple[str, str], ...]:
    return (
        ("Synthetic", "yes, as each file says in its text chunks"),
        ("Model", stamp.model),
        ("Digest of its weights", stamp.model_digest[:16]),
        ("Caption", stamp.caption or "none"),
        ("Mask SHA-256", stamp.mask_sha256[:16] or "no mask"),
        ("Sampling", stamp.sampling),
    )


@lru_cache(maxsize=2)
def _generator(model: str) -> Generator:
    from vesalius.tasks.generate.generator import Generator
    from vesalius.training.device import on_cpu

    return Generator(model, "cpu" if on_cpu("auto") else "cuda")


@lru_cache(maxsize=2)
def _segmenter(model: str) -> Segmenter:
    from vesalius.tasks.segment.segmenter import Segmenter

    return Segmenter.from_pretrained(model)
