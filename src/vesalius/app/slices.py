"""A scan on disk, slice by slice, as the page shows it: grey levels or colours, and label maps over them.

Letters: T time, K slices, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.colours import in_rgb
from vesalius.scan.scan import Scan
from vesalius.transforms.view import View, to_view, view_of
from vesalius.transforms.window import WINDOWS_HU, default_range, to_screen, window

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#f0e442", "#56b4e9", "#e69f00")
"""Of classes, by Okabe and Ito; after seven they repeat."""
WINDOWS: Mapping[str, tuple[float, float] | None] = {
    "automatic": None,
    **{f"{name}, {low:g} to {high:g} HU": (low, high) for name, (low, high) in WINDOWS_HU.items()},
}
_LEAST, _MOST = 384, 1024
"""Pixels of the longer side of a picture on the page."""
_CLASS_BITS = 8


@dataclass(frozen=True)
class ShownScan:
    """A scan whose slices lie in a private folder.

    Args:
        folder: `values.npy` of shape (T, K, J, I), real values, or (T, K, J, I, 3) in 8 bits.
        frames: T.
        slices: K.
        ends: real values that are black and white.
        is_inverted: low values are bright.
        pixel_aspect: row spacing over column spacing.
        edges: letters of the patient's side at the left, right, top and bottom edge; None where unknown.
        unit: of the values.
    """

    folder: Path
    frames: int
    slices: int
    ends: tuple[float, float]
    is_inverted: bool
    pixel_aspect: float
    edges: tuple[str, str, str, str] | None
    unit: str

    def values(self, t: int, k: int) -> NDArray[Any]:
        """A slice: (J, I) real values, or (J, I, 3)."""
        return np.asarray(self._array("values")[t, k])

    def labels(self, t: int, k: int) -> NDArray[np.uint8] | None:
        """Class numbers (J, I) of a slice; None where there is no label map."""
        return np.asarray(self._array("labels")[t, k]) if (self.folder / "labels.npy").exists() else None

    def place(self, frame: float, number: float) -> tuple[int, int]:
        """A frame and a slice that exist, from what sliders say."""
        return min(max(0, int(frame)), self.frames - 1), min(max(0, int(number)), self.slices - 1)

    def _array(self, name: str) -> NDArray[Any]:
        return np.load(regular(self.folder / f"{name}.npy"), mmap_mode="r", allow_pickle=False)


def keep(scan: Scan, folder: Path) -> tuple[ShownScan, View]:
    """Write the slices of a scan, upright; return how to show them.

    Raises:
        InputError: the scan is empty, or needs too much memory.
        UsageError: its colours are unknown.
    """
    scan = in_rgb(scan)
    if 0 in scan.shape:
        raise InputError("holds no pixel")
    frames, slices = scan.shape[1], scan.shape[4]
    check_memory(8 * int(np.prod(scan.shape)))
    view = view_of(scan, "upright")
    ends = default_range(scan)
    folder.mkdir(parents=True, exist_ok=True)
    stored: np.memmap[Any, Any] | None = None
    for t in range(frames):
        x_KCJI = to_view(scan, "upright", t=slice(t, t + 1))
        pictures: NDArray[Any] = x_KCJI[:, 0]
        if scan.colour == "rgb":
            pictures = to_screen(x_KCJI, "rgb", ends).transpose(0, 2, 3, 1)
        if stored is None:
            shape = (frames, *pictures.shape)
            stored = np.lib.format.open_memmap(folder / "values.npy", "w+", pictures.dtype, shape)
        stored[t] = pictures
    assert stored is not None
    stored.flush()
    unit = "HU" if scan.intensity.unit == "HU" else ""
    inverted = scan.colour == "inverted"
    return ShownScan(folder, frames, slices, ends, inverted, view.pixel_aspect, view.edges, unit), view


def keep_labels(label_map: Scan, values: Mapping[str, int], shown: ShownScan) -> bool:
    """Write class numbers 1, 2, ... of a label map beside the slices; return False where it lies on another grid.

    Args:
        label_map: on the grid of the scan.
        values: class -> its value in the map.
        shown: the scan.
    """
    x_BCJI = to_view(label_map, "upright")
    numbers = np.zeros(x_BCJI.shape[:1] + x_BCJI.shape[2:], np.uint8)
    for number, value in enumerate(values.values(), start=1):
        numbers[x_BCJI[:, 0] == value] = number
    shape = np.load(regular(shown.folder / "values.npy"), mmap_mode="r").shape[:4]
    if numbers.size != np.prod(shape) or numbers.shape[1:] != shape[2:]:
        return False
    np.save(shown.folder / "labels.npy", numbers.reshape(shape))
    return True


def picture(
    shown: ShownScan, t: int, k: int, ends: tuple[float, float] | None = None, opacity: float = 0.4
) -> NDArray[np.uint8]:
    """Return a slice with square pixels (J, I, 3), its classes coloured.

    Args:
        shown: the scan.
        t: frame.
        k: slice.
        ends: real values that are black and white; None: the usual ones.
        opacity: of the classes, 0 to 1.
    """
    values = shown.values(t, k)
    if values.ndim == len("JI"):
        low, high = ends or shown.ends
        grey = window(values, (low + high) / 2, high - low)
        grey = 1 - grey if shown.is_inverted else grey
        values = np.repeat(np.rint(255 * grey).astype(np.uint8)[:, :, None], 3, axis=2)
    values = on_page(values, shown.pixel_aspect)
    labels_JI = shown.labels(t, k)
    if labels_JI is None or opacity <= 0:
        return values
    return coloured(values, on_page(labels_JI, shown.pixel_aspect, smooth=False), opacity)


def coloured(picture_JI3: NDArray[np.uint8], labels_JI: NDArray[np.integer], opacity: float) -> NDArray[np.uint8]:
    """Return a picture with the classes 1, 2, ... in their colours."""
    mixed = picture_JI3.astype(np.float32)
    for number in np.unique(labels_JI[labels_JI > 0]).tolist():
        inside = labels_JI == number
        mixed[inside] = (1 - opacity) * mixed[inside] + opacity * np.array(rgb(number), np.float32)
    return np.rint(mixed).astype(np.uint8)


def rgb(number: int) -> tuple[int, int, int]:
    """Red, green and blue of class 1, 2, ...

    Example:
        >>> rgb(1)
        (0, 114, 178)
    """
    code = COLOURS[(number - 1) % len(COLOURS)]
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def on_page(array: NDArray[np.uint8], pixel_aspect: float = 1.0, *, smooth: bool = True) -> NDArray[np.uint8]:
    """Return a picture with square pixels, its longer side between 384 and 1024 pixels.

    Args:
        array: (J, I) or (J, I, 3).
        pixel_aspect: row spacing over column spacing.
        smooth: interpolate; False for class numbers.
    """
    rows, columns = array.shape[0] * max(pixel_aspect, 1), array.shape[1] * max(1 / pixel_aspect, 1)
    scale = min(max(1.0, _LEAST / max(rows, columns)), _MOST / max(rows, columns))
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    if size == (array.shape[1], array.shape[0]):
        return array
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(np.ascontiguousarray(array)).resize(size, method))
