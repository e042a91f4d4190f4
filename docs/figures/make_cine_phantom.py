"""Draws docs/figures/cine-phantom.png: cine phantoms beside real cine of the Sunnybrook Cardiac Data (CC0).

Needs the real data: VESALIUS_DATA=... python docs/figures/make_cine_phantom.py
"""

import os
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient

REAL = ("SCD0000301", "SCD0000401")
PHANTOMS = ("patient002", "patient001", "patient003")
PLACES = (("basal", 0.28), ("middle", 0.5), ("apical", 0.75))


def main() -> None:
    """Draw basal, middle and apical slices at end-diastole and end-systole and write the PNG."""
    root = os.environ.get("VESALIUS_DATA")
    if not root:
        sys.exit("VESALIUS_DATA is not set")
    options = CineOptions.build(seed=0)
    rows = []
    for name in PHANTOMS:
        patient = cine_patient(options, name)
        beat = np.moveaxis(patient.image_TIJK, 0, -1)
        rows.append((f"phantom {patient.subject.group}", pictures(beat, 0, patient.es_frame)))
    for name in REAL:
        folder = Path(root) / "cine-sunnybrook" / name
        info = dict(line.split(": ") for line in (folder / "Info.cfg").read_text().splitlines())
        beat = np.asanyarray(nib.load(folder / f"{name}_4d.nii.gz").dataobj)
        rows.append((f"real {info['Group']}", pictures(beat, int(info["ED"]) - 1, int(info["ES"]) - 1)))
    figure, axes = plt.subplots(len(rows), 6, figsize=(9.6, 1.62 * len(rows)), layout="constrained", dpi=80)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    for (title, shown), line in zip(rows, axes, strict=True):
        for picture, place in zip(shown, line, strict=True):
            place.imshow(picture, cmap="gray", vmin=0, vmax=np.percentile(picture, 99.3))
            place.set(xticks=[], yticks=[])
        line[0].set_ylabel(title, fontsize=8)
    for number, place in enumerate(axes[0]):
        place.set_title(f"{PLACES[number % 3][0]}, {'ED' if number < 3 else 'ES'}", fontsize=8)
    figure.canvas.draw()
    grey = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., 0])
    grey.point(lambda value: value // 6 * 6).save(Path(__file__).with_name("cine-phantom.png"), optimize=True)


def pictures(beat_IJKT: NDArray[np.generic], ed: int, es: int) -> list[NDArray[np.generic]]:
    """Six pictures with rows J: three slices at end-diastole, the same at end-systole."""
    slices = beat_IJKT.shape[2]
    return [beat_IJKT[:, :, round(share * (slices - 1)), t].T for t in (ed, es) for _, share in PLACES]


if __name__ == "__main__":
    main()
