"""Pre-training on volumes in a few steps: an encoder learns where in a volume a crop was cut.

Training needs torch, which is an extra; without it a slice of a volume is shown.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from vesalius.phantom.position import PositionOptions, write_position
from vesalius.report.chart import curves
from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.result import Result
from vesalius.report.viewer import grey
from vesalius.scan.open import open_scan
from vesalius.tasks.demo.models import NEEDS
from vesalius.transforms.view import to_view
from vesalius.transforms.window import DISPLAY_PERCENT, percentile_range
from vesalius.wording import Progress

TITLE = "UME: volumes, learned without labels"
CURVES, SLICES = "volumes-learned.png", "volumes-slices.png"
PATIENTS, COLUMNS = 10, 4
OVERRIDES = ("data.workers=0", "train.epochs=16", "train.validate_every=2")
"""What differs from the configuration `voco/fast`."""
PANELS = {"error of the overlap": "voco", "correlation of predicted and true overlap": "label_correlation"}
"""Title of a panel -> measure."""


def show_volumes(result: Result, folder: Path, threads: int, progress: Progress) -> None:
    """Pre-train on position phantoms, and add a section with the curves of held-out volumes.

    Args:
        result: receives the section and its figure.
        folder: of the report; the run goes to `models/volumes`.
        threads: threads of the net.
        progress: called with one line.
    """
    progress(TITLE)
    home = folder / "models" / "volumes"
    home.mkdir(parents=True)
    section = result.section(TITLE).text(
        "VoCo cuts crops out of volumes and learns how far a random one overlaps each crop of a grid. These volumes "
        "have no anatomy: their voxels say where they lie."
    )
    cohort = write_position(home / "places", PositionOptions(patients=PATIENTS))
    result.figures[SLICES] = _slices(cohort.manifest.parent)
    section.figure(SLICES, "Slices of one volume, from bottom to top.", f"{TITLE}: slices of a volume")
    if find_spec(NEEDS) is None:
        return
    from vesalius.tasks.train.run import train
    from vesalius.training.record import read_record

    run = home / "encoder"
    train("voco/fast", run, [f"data.manifest={cohort.manifest}", *OVERRIDES], device="cpu", threads=threads)
    rows = [row for row in read_record(run) if row["kind"] == "validation"]
    section.text(
        f"{rows[-1]['step']} steps on a small net. On volumes of patients, as on these, the same curves say whether an "
        "encoder learns at all."
    )
    result.figures[CURVES] = curves(
        {title: {"held-out volumes": [(row["step"], row[name]) for row in rows]} for title, name in PANELS.items()}
    )
    section.figure(
        CURVES,
        "Held-out volumes. The error falls and the correlation rises: predictions follow the true overlap. In a "
        "collapsed run the correlation falls to 0.",
        f"{TITLE}: error of the overlap and its correlation over the steps",
    )


def _slices(folder: Path) -> bytes:
    """A few slices of a volume side by side."""
    scan = open_scan(min(folder.glob("*.nii.gz")))
    film_KJI = np.asarray(to_view(scan, "upright"), np.float32).reshape(-1, scan.shape[3], scan.shape[2])
    window = percentile_range(film_KJI, *DISPLAY_PERCENT)
    places = np.linspace(0, len(film_KJI) - 1, COLUMNS).round().astype(int)
    return contact_sheet([Tile(f"slice {k + 1}", grey(film_KJI[k], window)) for k in places], COLUMNS)
