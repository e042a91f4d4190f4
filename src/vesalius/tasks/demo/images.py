"""Generated pictures: a shipped model draws nuclei where a mask says, in the stain that a caption names.

The last mask is found in real tissue, that of scikit-image, by the colour of its nuclei. Sampling needs torch, which is
an extra; without it the masks alone are shown.

Letters: J rows, I columns.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.files import regular
from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.result import Result
from vesalius.tasks.demo.models import NEEDS
from vesalius.tasks.demo.subjects import shipped_file
from vesalius.weights.place import zoo_names
from vesalius.wording import Progress

TITLE = "Medical Image Augmentation: pictures from words and masks"
MODEL = "generate/nuclei"
SHEET = "generated-nuclei.png"
CAPTIONS = ("fluorescence microscopy, many nuclei", "stained microscopy, many nuclei")
SIDE, MASKS = 64, 2
REAL = (slice(384, 512), slice(384, 512))
"""Rows and columns of the tissue whose nuclei are the last mask."""


def show_images(result: Result, progress: Progress) -> None:
    """Sample pictures of drawn masks, and add a section with them.

    Args:
        result: receives the section and its figure.
        progress: called with one line.
    """
    progress(TITLE)
    masks = [*(ellipses(seed) for seed in range(MASKS)), nuclei_of_tissue()]
    drawn = [Tile("mask", (mask_JI > 0).astype(np.uint8) * np.uint8(255)) for mask_JI in masks]
    drawn[-1] = replace(drawn[-1], caption="mask of\nreal tissue")
    section = result.section(TITLE).text(
        "A diffusion transformer draws nuclei where a mask has them, in the stain that a caption names: pictures with "
        "labels, for training where real ones are few."
    )
    if find_spec(NEEDS) is None or MODEL not in zoo_names():
        result.figures[SHEET] = contact_sheet(drawn, columns=len(drawn))
        section.figure(SHEET, "Masks that it would start from.", f"{TITLE}: masks")
        return
    from vesalius.tasks.generate.generator import Generator, Request

    generator = Generator(MODEL)
    requests = [Request(caption, mask, seed) for seed, mask in enumerate(masks) for caption in CAPTIONS]
    pictures = list(generator.sample(requests))
    tiles = []
    for number, mask in enumerate(drawn):
        tiles.append(mask)
        made = zip(CAPTIONS, pictures[number * len(CAPTIONS) :], strict=False)
        tiles += [Tile(caption.replace(", ", ",\n"), picture) for caption, picture in made]
    result.figures[SHEET] = contact_sheet(tiles, columns=1 + len(CAPTIONS))
    section.text(
        f"By the shipped model {generator.name} ({generator.parameters / 1e6:.1f} million weights). None of these "
        "pictures was ever under a microscope: every file that vesalius generate writes says that it is synthetic, and "
        "by which model, caption and seed it was made."
    )
    section.figure(
        SHEET,
        "Two drawn masks and one of real tissue, each with a picture for either caption.",
        f"{TITLE}: masks beside generated pictures",
    )


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


def nuclei_of_tissue() -> NDArray[np.uint8]:
    """Return the nuclei of a piece of real tissue by their colour, (J, I), 0 and 1.

    Raises:
        InputError: scikit-image does not ship its picture any more.

    Example:
        >>> 0.05 < float(nuclei_of_tissue().mean()) < 0.5
        True
    """
    from skimage.color import rgb2hed
    from skimage.filters import gaussian, threshold_otsu
    from skimage.morphology import remove_small_objects
    from skimage.transform import resize

    piece_JIC = np.asarray(Image.open(regular(shipped_file("skimage", ("data", "ihc.png")))).convert("RGB"))[REAL]
    blue_JI = gaussian(rgb2hed(piece_JIC)[..., 0], 1.5)
    small_JI = resize(blue_JI, (SIDE, SIDE), anti_aliasing=True)
    return remove_small_objects(small_JI > threshold_otsu(small_JI), max_size=8).astype(np.uint8)
