"""A scan in a notebook: its middle slices with the axes named, and a player where it has several frames.

Letters: T time, K slices, J rows, I columns.
"""

from __future__ import annotations

import base64
from html import escape
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vesalius.errors import UsageError, VesaliusError
from vesalius.report.page import Report, Section
from vesalius.report.scan_viewer import frame_step_ms, screened
from vesalius.report.style import INK, TEXT_POINTS, to_png
from vesalius.report.table import number
from vesalius.report.viewer import PaneStacks, Stack, viewer
from vesalius.report.web_page import render
from vesalius.scan.colours import in_rgb
from vesalius.scan.scan import Scan
from vesalius.transforms.view import Plane, to_view, view_of
from vesalius.transforms.window import default_range, to_screen

_PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
_INCHES, _DPI = 2.8, 100
_FEWEST_SLICES = 3
"""Fewer slices are shown as they lie: another plane through them would be a line."""
_PLAYER_PIXELS = 430
_PLAYER_LOOK = (
    "<style>.banner, header, nav, footer, h2, .keys { display: none } main { padding: .3rem }"
    " figure { margin: 0 } .panes { --columns: 1; max-width: 16rem }</style>"
)
"""The page of a report without what surrounds its viewer."""


class ScanFigure(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        return to_png(self)


def scan_figure(scan: Scan, window: tuple[float, float] | None = None, *, t: int | None = None) -> ScanFigure:
    """Draw the middle slices of a frame. For arguments and errors see `Scan.plot`."""
    frames = scan.shape[1]
    t = frames // 2 if t is None else t
    if not 0 <= t < frames:
        raise UsageError(f"no frame {t} of {frames}", where="t", fix=f"give 0 to {frames - 1}")
    scan = in_rgb(scan)
    window = default_range(scan) if window is None else window
    if not window[0] < window[1]:
        raise UsageError(f"{window[0]:g} to {window[1]:g} is no window", where="window", fix="give (low, high)")
    planes = _planes(scan)
    figure = ScanFigure(
        figsize=(_INCHES * len(planes), _INCHES + 0.5), dpi=_DPI, facecolor="white", layout="constrained"
    )
    FigureCanvasAgg(figure)
    for axes, plane in zip(figure.subplots(1, len(planes), squeeze=False)[0], planes, strict=True):
        _draw(axes, scan, plane, window, t)
    unit = f" {scan.intensity.unit}" if scan.intensity.unit else ""
    frame = f"frame {t} of 0 to {frames - 1}, " if frames > 1 else ""
    figure.suptitle(
        f"{frame}window {number(window[0])} to {number(window[1])}{unit}", fontsize=TEXT_POINTS - 1, color=INK
    )
    return figure


def scan_html(scan: Scan) -> str:
    """Return the facts of a scan, its middle slices and, of several frames, a player, as HTML that needs no network."""
    facts = f"<p><code>{escape(repr(scan))}</code></p>"
    try:
        png = base64.b64encode(to_png(scan_figure(scan))).decode("ascii")
        drawn = f'<img style="max-width: 100%" src="data:image/png;base64,{png}" alt="Middle slices of the scan">'
        return facts + drawn + (_player(scan) if scan.shape[1] > 1 else "")
    except VesaliusError as error:
        return f"{facts}<p>no picture: {escape(str(error))}</p>"


def _planes(scan: Scan) -> tuple[Plane, ...]:
    """Return the three planes of a volume, or the stored slices of anything else."""
    is_volume = scan.spacing_mm is not None and scan.spaces != ("unknown",) and min(scan.shape[2:]) >= _FEWEST_SLICES
    return _PLANES if is_volume else ("upright",)


def _draw(axes: Any, scan: Scan, plane: Plane, window: tuple[float, float], t: int) -> None:
    view = view_of(scan, plane)
    k = view.count // 2
    screen_CJI = to_screen(to_view(scan, plane, k=slice(k, k + 1), t=slice(t, t + 1)), scan.colour, window)[0]
    picture = screen_CJI[0] if len(screen_CJI) == 1 else np.moveaxis(screen_CJI, 0, -1)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, aspect=view.pixel_aspect, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    columns, rows, through = ("IJK"[axis] for axis in view.axes)
    name = "slice" if plane == "upright" else plane
    axes.set_title(
        f"{name}, {through} {k if view.steps[2] > 0 else view.count - 1 - k}", fontsize=TEXT_POINTS, color=INK
    )
    left, right, top, bottom = view.edges or ("", "", "", "")
    axes.set_xlabel(f"{columns} ({left} to {right})" if left else columns, fontsize=TEXT_POINTS - 1, color=INK)
    axes.set_ylabel(f"{rows} ({bottom} to {top})" if top else rows, fontsize=TEXT_POINTS - 1, color=INK)


def _player(scan: Scan) -> str:
    """Return the frames of the middle slice in the viewer of the reports, in a frame of its own."""
    in_colours = in_rgb(scan)
    k = scan.shape[4] // 2
    x_TCJI = to_view(in_colours, "upright", k=slice(k, k + 1))
    pictures = screened(x_TCJI, in_colours.colour, default_range(in_colours))
    block, sheets = viewer(
        "scan",
        [PaneStacks("", [Stack(pictures[:, None])])],
        still="still.png",
        caption=f"Slice {k}, all frames.",
        alt="Frames of the middle slice",
        slices=[k],
        frame_ms=frame_step_ms(scan),
        pixel_aspect=view_of(in_colours, "upright").pixel_aspect,
    )
    report = Report(title="Scan", task="scan", lead="", sections=[Section(title="Frames", blocks=[block])])
    page = render(report, sheets | {"still.png": to_png(scan_figure(scan))})
    source = escape(page.replace("</head>", f"{_PLAYER_LOOK}</head>"), quote=True)
    return f'<iframe style="border: 0; width: 100%; height: {_PLAYER_PIXELS}px" srcdoc="{source}"></iframe>'
