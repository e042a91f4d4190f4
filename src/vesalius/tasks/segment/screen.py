"""One slice of a scan, or a picture in its colours, as reports show it.

Letters: J rows, I columns.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from vesalius.scan.colours import in_rgb
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.transforms.window import default_range, to_screen


def on_screen(scan: Scan, t: int, k: int) -> NDArray[Any]:
    """Return a slice of a frame: real values (J, I), or 8 bits (J, I, 3) of a picture in colours."""
    frame = part(in_rgb(scan), t=t)
    values_CIJ = frame.values(k=slice(k, k + 1))[:, 0, :, :, 0]
    if frame.colour != "rgb":
        values_JI: NDArray[Any] = values_CIJ[0].T
        return values_JI
    return to_screen(values_CIJ.transpose(0, 2, 1)[None], "rgb", default_range(frame))[0].transpose(1, 2, 0)


def is_picture(scan: Scan) -> bool:
    """Whether a scan is one slice of one frame."""
    return scan.shape[1] * scan.shape[4] == 1
