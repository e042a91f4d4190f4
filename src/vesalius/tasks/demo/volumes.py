"""Pre-training on volumes in a few steps: an encoder learns where in a volume a crop was cut.

Training needs torch, which is an extra; without it this part of the demo says nothing, as `models` says how to install
it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from vesalius.phantom.position import PositionOptions, write_position
from vesalius.report.chart import curves
from vesalius.report.result import Result
from vesalius.tasks.demo.models import NEEDS
from vesalius.wording import Progress

TITLE = "Volumes, learned without labels"
CURVES = "volumes-learned.png"
PATIENTS = 10
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
    if find_spec(NEEDS) is None:
        return
    from vesalius.tasks.train.run import train
    from vesalius.training.record import read_record

    progress(TITLE)
    home = folder / "models" / "volumes"
    home.mkdir(parents=True)
    cohort = write_position(home / "places", PositionOptions(patients=PATIENTS))
    run = home / "encoder"
    train("voco/fast", run, [f"data.manifest={cohort.manifest}", *OVERRIDES], device="cpu", threads=threads)
    rows = [row for row in read_record(run) if row["kind"] == "validation"]
    section = result.section(TITLE)
    section.text(
        "Volumes whose voxels say where they lie, without anatomy. VoCo cuts crops and learns how far a random one "
        f"overlaps each crop of a grid: {rows[-1]['step']} steps on a small net. On volumes of patients, as on these, "
        "the same curves say whether an encoder learns at all.",
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
