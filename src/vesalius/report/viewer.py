"""Slices and frames to look through in a report: sheets of small pictures, and the block that says how they lie.

A sheet is one PNG or JPEG with every picture of a pane, frame by frame and within it slice by slice, row after row. The
script of the page draws one picture of each sheet; without scripts the page shows a still picture instead.

Letters: T time, K slices, J rows, I columns, N colours.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.page import Pane, Viewer
from vesalius.report.style import look
from vesalius.transforms.window import window as windowed

MOST_PIXELS = 6_000_000
"""Pixels of a sheet: pictures are made smaller, then slices and frames are left out evenly, until it holds them."""
MOST_SIDE, LEAST_SIDE = 256, 144
"""Pixels of the longer side of a picture, at most and, of larger ones, at least."""
FASTEST_MS, SLOWEST_MS = 20.0, 400.0
EXACT_PIXELS = 2_000_000
"""The same of pictures that are compared pixel by pixel, which are not made smaller."""
_BEAT_MS = 1000.0
_JPEG = 85
_INSIDE, _EDGE = 70, 255
"""Opacity of a class and of its outline."""
_ERROR_COLOURS = "RdBu_r"


@dataclass(frozen=True, eq=False)
class Stack:
    """All pictures of one kind.

    Args:
        pictures: 8 bits: grey (T, K, J, I), colours (T, K, J, I, 3), or with a palette numbers of colours (T, K, J, I).
        palette_N4: red, green, blue and opacity of each number; None for grey and colours.
    """

    pictures: NDArray[np.uint8]
    palette_N4: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class PaneStacks:
    """What one pane shows.

    Args:
        title: e.g. the coder.
        stacks: one for each choice of the viewer, or one for all of them.
        lines: short lines below the title, e.g. its bytes.
        overlay: drawn over it, on and off.
        column: of the panes, from 1; 0: the next one.
    """

    title: str
    stacks: Sequence[Stack]
    lines: Sequence[str] = ()
    overlay: Stack | None = None
    column: int = 0


def viewer(
    stem: str,
    panes: Sequence[PaneStacks],
    *,
    still: str,
    caption: str,
    alt: str,
    choices: Sequence[str] = (),
    legend: Sequence[tuple[str, str]] = (),
    frames: Sequence[int] | None = None,
    slices: Sequence[int] | None = None,
    start: tuple[int, int] = (0, 0),
    frame_ms: float | None = None,
    pixel_aspect: float = 1.0,
    words: Sequence[str] = (),
    columns: int | None = None,
    exact: bool = False,
) -> tuple[Viewer, dict[str, bytes]]:
    """Return the block of a report and its sheets by file name.

    Args:
        stem: of the file names in the folder `figures`.
        panes: of equal numbers of frames and slices, rows and columns.
        still: the picture shown without scripts.
        caption: text below; what is left out is added.
        alt: the same in words.
        choices: names of the stacks of each pane that has several, e.g. of windows.
        legend: (name, colour) of what the overlays show.
        frames: numbers of the frames in the file; None: from 0.
        slices: numbers of the slices; None: from 0.
        start: place of the frame and of the slice that are shown first.
        frame_ms: time between frames, kept within 20 to 400 ms; None: unknown, one second for all frames.
        pixel_aspect: how much taller than wide a pixel is.
        words: a line for each slice; none without.
        columns: panes in a row; None: all.
        exact: no smaller pictures and no JPEG, where the pixels themselves are compared.

    Raises:
        ValueError: no pane, panes of different shapes, or no such place.
    """
    shapes = {stack.pictures.shape[:4] for pane in panes for stack in _stacks(pane)}
    if len(shapes) != 1:
        raise ValueError(f"panes of shapes {sorted(shapes)}")
    t, k, rows, wide = next(iter(shapes))
    if not (0 <= start[0] < t and 0 <= start[1] < k):
        raise ValueError(f"no place {start} among {t} frames and {k} slices")
    scale = _scale(t * k, rows, wide, exact=exact)
    size = max(1, round(wide * scale)), max(1, round(rows * scale))
    most = EXACT_PIXELS if exact else MOST_PIXELS
    every_k = _every(k, size[0] * size[1] * t, most)
    every_t = _every(t, size[0] * size[1] * len(range(0, k, every_k)), most)
    kept_t, kept_k = range(start[0] % every_t, t, every_t), range(start[1] % every_k, k, every_k)
    across = max(1, math.ceil(math.sqrt(len(kept_t) * len(kept_k) * size[1] / size[0])))
    files: dict[str, bytes] = {}
    named: dict[int, str] = {}

    def file_of(stack: Stack) -> str:
        if id(stack) not in named:
            kind = "png" if exact or stack.palette_N4 is not None else "jpg"
            named[id(stack)] = f"{stem}{len(named)}.{kind}"
            part = stack.pictures[kept_t.start :: every_t, kept_k.start :: every_k]
            files[named[id(stack)]] = _encoded(_sheet(part, size, across, stack.palette_N4 is None), stack, kind)
        return named[id(stack)]

    left_out = [(every_t, "frames"), (every_k, "slices")]
    thinned = "".join(f" One of {every} {what} is shown." for every, what in left_out if every > 1)
    ms = every_t * (_BEAT_MS / t if frame_ms is None else frame_ms)
    block = Viewer(
        panes=[
            Pane(
                title=pane.title,
                lines=list(pane.lines),
                sheets=[file_of(stack) for stack in pane.stacks],
                overlay="" if pane.overlay is None else file_of(pane.overlay),
                column=pane.column,
            )
            for pane in panes
        ],
        columns=columns or len(panes),
        choices=list(choices),
        legend=list(legend),
        frames=[(frames or range(t))[place] for place in kept_t],
        slices=[(slices or range(k))[place] for place in kept_k],
        frame=kept_t.index(start[0]),
        slice=kept_k.index(start[1]),
        frame_ms=min(max(ms, FASTEST_MS), SLOWEST_MS),
        width=size[0],
        height=size[1],
        across=across,
        aspect=rows * pixel_aspect / wide,
        words=[words[place] for place in kept_k] if words else [],
        still=still,
        caption=caption + thinned,
        alt=alt,
    )
    return block, files


def fitted(picture: NDArray[np.uint8], *, smooth: bool = True) -> NDArray[np.uint8]:
    """Return a picture (J, I) or (J, I, 3) whose longer side has no more pixels than a viewer shows.

    Args:
        picture: 8 bits.
        smooth: mean of the pixels; False for numbers of classes.
    """
    rows, columns = picture.shape[:2]
    scale = MOST_SIDE / max(rows, columns)
    if scale >= 1:
        return picture
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    return _resized(picture, size, smooth=smooth)


def still_of(panes: Sequence[PaneStacks], start: tuple[int, int] = (0, 0), pixel_aspect: float = 1.0) -> bytes:
    """Return a PNG of the panes at one place, for a page without scripts."""
    tiles = []
    for pane in panes:
        picture = pane.stacks[0].pictures[start]
        palette_N4 = pane.stacks[0].palette_N4
        shown = picture if palette_N4 is None else palette_N4[picture][..., :3]
        tiles.append(Tile("\n".join([pane.title, *pane.lines]), shown, pixel_aspect))
    return contact_sheet(tiles)


def grey(values: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Return real values as 8 bits: the ends of the window are black and white.

    Example:
        >>> grey(np.array([-5.0, 0.0, 50.0, 200.0]), (0.0, 100.0))
        array([  0,   0, 128, 255], dtype=uint8)
    """
    low, high = window
    return np.rint(windowed(values, (low + high) / 2, high - low) * 255).astype(np.uint8)


def error_stack(error_TKJI: NDArray[Any], limit: float) -> Stack:
    """Return restored minus original: white where it is zero, full blue and red at minus and plus `limit`."""
    colours_N4 = matplotlib.colormaps[_ERROR_COLOURS](np.linspace(0, 1, 255))
    shares = np.clip(np.nan_to_num(error_TKJI) / limit, -1, 1)
    numbers = np.rint(127 + 127 * shares).astype(np.uint8)
    return Stack(numbers, np.rint(255 * colours_N4).astype(np.uint8))


def classes_stack(labels_TKJI: NDArray[np.integer], classes: int) -> Stack:
    """Return class numbers 1 to `classes` as an overlay: each class in its colour, its outline stronger."""
    numbers = np.zeros(labels_TKJI.shape, np.uint8)
    cross = ndimage.generate_binary_structure(2, 1)[None, None]
    for number in range(1, classes + 1):
        inside = labels_TKJI == number
        numbers[inside] = 2 * number
        numbers[ndimage.binary_erosion(inside, cross)] = 2 * number - 1
    colours = [rgb(number) for number in range(1, classes + 1)]
    painted = [(*colour, opacity) for colour in colours for opacity in (_INSIDE, _EDGE)]
    return Stack(numbers, np.array([(0, 0, 0, 0), *painted], np.uint8))


def rgb(number: int) -> tuple[int, int, int]:
    """Red, green and blue of class 1, 2, ...

    Example:
        >>> rgb(1)
        (0, 114, 178)
    """
    code = look(number - 1).colour
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def _stacks(pane: PaneStacks) -> list[Stack]:
    return [*pane.stacks, *([] if pane.overlay is None else [pane.overlay])]


def _scale(count: int, rows: int, columns: int, *, exact: bool) -> float:
    """Return how much smaller pictures are drawn."""
    side = max(rows, columns)
    if exact or side <= LEAST_SIDE:
        return 1.0
    fits = math.sqrt(MOST_PIXELS / (count * rows * columns))
    return min(1.0, MOST_SIDE / side, max(fits, LEAST_SIDE / side))


def _every(count: int, pixels: int, most: int) -> int:
    """Return which share of pictures a sheet of `most` pixels holds: one of so many, where each stands for `pixels`."""
    return -(-count // max(1, most // pixels))


def _sheet(pictures: NDArray[np.uint8], size: tuple[int, int], across: int, smooth: bool) -> NDArray[np.uint8]:
    """Return all pictures in rows of `across`, each brought to (columns, rows)."""
    flat = pictures.reshape(-1, *pictures.shape[2:])
    wide, tall = size
    sheet = np.zeros((-(-len(flat) // across) * tall, across * wide, *flat.shape[3:]), np.uint8)
    for number, picture in enumerate(flat):
        row, column = divmod(number, across)
        place = sheet[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        is_sized = picture.shape[:2] == (tall, wide)
        place[...] = picture if is_sized else _resized(picture, size, smooth=smooth)
    return sheet


def _resized(picture: NDArray[np.uint8], size: tuple[int, int], *, smooth: bool) -> NDArray[np.uint8]:
    method = Image.Resampling.BOX if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size, method))


def _encoded(sheet: NDArray[np.uint8], stack: Stack, kind: str) -> bytes:
    image, buffer = Image.fromarray(sheet), io.BytesIO()
    if kind == "jpg":
        image.save(buffer, format="JPEG", quality=_JPEG)
    elif stack.palette_N4 is None:
        image.save(buffer, format="PNG", optimize=True)
    else:
        image.putpalette(stack.palette_N4[:, :3].tobytes())
        opacity = stack.palette_N4[:, 3]
        image.save(
            buffer, format="PNG", optimize=True, **({"transparency": opacity.tobytes()} if opacity.min() < 255 else {})
        )
    return buffer.getvalue()
