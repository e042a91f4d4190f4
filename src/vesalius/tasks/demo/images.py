"""Generated pictures: a shipped model draws nuclei where a mask says, in the stain that a caption names.

Sampling needs torch, which is an extra; without it this part of the demo says nothing, as `models` says how to install
it.

Letters: J rows, I columns.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.result import Result
from vesalius.tasks.demo.models import NEEDS
from vesalius.weights.place import zoo_names
from vesalius.wording import Progress

TITLE = "Pictures from words and masks"
MODEL = "generate/nuclei"
SHEET = "generated-nuclei.png"
CAPTIONS = ("fluorescence microscopy, many nuclei", "stained microscopy, many nuclei")
SIDE, MASKS = 64, 3


def show_images(result: Result, progress: Progress) -> None:
    """Sample pictures of drawn masks, and add a section with them.

    Args:
        result: receives the section and its figure.
        progress: called with one line.
    """
    if find_spec(NEEDS) is None or MODEL not in zoo_names():
        return
    from vesalius.tasks.generate.generator import Generator, Request

    progress(TITLE)
    generator = Generator(MODEL)
    masks = [ellipses(seed) for seed in range(MASKS)]
    requests = [Request(caption, mask, seed) for seed, mask in enumerate(masks) for caption in CAPTIONS]
    pictures = list(generator.sample(requests))
    tiles = []
    for number, mask_JI in enumerate(masks):
        tiles.append(Tile("mask", (mask_JI > 0).astype(np.uint8) * np.uint8(255)))
        made = zip(CAPTIONS, pictures[number * len(CAPTIONS) :], strict=False)
        tiles += [Tile(caption.replace(", ", ",\n"), picture) for caption, picture in made]
    result.figures[SHEET] = contact_sheet(tiles, columns=1 + len(CAPTIONS))
    section = result.section(TITLE)
    section.text(
        f"The shipped model {generator.name} ({generator.parameters / 1e6:.1f} million weights) draws nuclei where a "
        "mask has ellipses, once for each caption. Nothing here was ever under a microscope: every file that vesalius "
        "generate writes says that it is synthetic, and by which model, caption and seed it was made."
    )
    section.figure(SHEET, "Drawn masks, and pictures made of them.", f"{TITLE}: masks beside generated pictures")


def ellipses(seed: int, count: int = 14) -> NDArray[np.uint8]:
    """Return a mask of ellipses that do not touch, (J, I), 0 and 1.

    Example:
        >>> mask = ellipses(0)
        >>> mask.shape, sorted(set(mask.ravel().tolist()))
        ((64, 64), [0, 1])
    """
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask_JI = np.zeros((SIDE, SIDE), bool)
    for _ in range(count):
        centre, radii, turn = generator.uniform(4, SIDE - 4, 2), generator.uniform(3, 6, 2), generator.uniform(0, np.pi)
        down, right = rows - centre[0], columns - centre[1]
        along = (down * np.cos(turn) + right * np.sin(turn)) / radii[0]
        across = (right * np.cos(turn) - down * np.sin(turn)) / radii[1]
        distance_JI = np.hypot(along, across)
        if not mask_JI[distance_JI < 1.5].any():
            mask_JI |= distance_JI < 1
    return mask_JI.astype(np.uint8)
