"""Make head-ct-phantom.png: phantoms beside a real head CT. Run with the real data; the CT is under BSD licence."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.scan.open import open_scan

SLICES = (5, 9, 12, 15, 18, 23)
"""Of a phantom of 32 slices of 5 mm."""
REAL = (6, 10, 14, 17, 19, 23)
"""Of the real series, at about these places."""
ROWS = (
    ("no bleed", None),
    ("epidural", ("epidural", "temporal", 30.0)),
    ("intraparenchymal", ("intraparenchymal", "basal ganglia", 20.0)),
    ("intraventricular", ("intraventricular", "level", 8.0)),
    ("subarachnoid", ("subarachnoid", "basal", 15.0)),
    ("subdural", ("subdural", "convexity", 45.0)),
)
BRAIN_HU = (0, 80)


def phantom_rows() -> list[tuple[str, list[np.ndarray]]]:
    """Name and pictures of each row of phantoms."""
    rows = []
    for number, (name, wanted) in enumerate(ROWS):
        bleeds = [] if wanted is None else [dict(zip(("type", "pattern", "volume_ml"), wanted, strict=True))]
        study = head_ct_study(HeadCtOptions.build(seed=4, bleeds=bleeds), patient=number)
        rows.append((f"phantom,\n{name}", [study.image_IJK[..., k].T for k in SLICES]))
    return rows


def main() -> None:
    """Draw and save the figure."""
    rows = phantom_rows()
    scan = open_scan(Path(os.environ["VESALIUS_DATA"]) / "ct-head-tilted-dicom")
    values = scan.values()[0, 0]
    rows.insert(1, ("real CT", [values[..., k].T for k in REAL]))
    figure = Figure(figsize=(1.45 * len(SLICES), 1.5 * len(rows)), dpi=80, facecolor="black")
    grid = figure.subplots(len(rows), len(SLICES), gridspec_kw={"wspace": 0.02, "hspace": 0.02})
    for axes_row, (name, pictures) in zip(grid, rows, strict=True):
        for axes, picture in zip(axes_row, pictures, strict=True):
            axes.imshow(picture, cmap="gray", vmin=BRAIN_HU[0], vmax=BRAIN_HU[1])
            axes.set_xticks([])
            axes.set_yticks([])
        axes_row[0].set_ylabel(name, color="white", fontsize=8)
    figure.subplots_adjust(left=0.06, right=1, top=1, bottom=0)
    target = Path(__file__).with_name("head-ct-phantom.png")
    figure.savefig(target, facecolor="black")
    Image.open(target).convert("L").quantize(40).save(target, optimize=True)


if __name__ == "__main__":
    main()
