"""A segmenter on new scans: label maps as NIfTI on the grid of the input, volumes, a picture.

Letters: T time, I J K voxel axes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.report.overlay import Outlined, outlines
from vesalius.report.page import Column, Section
from vesalius.report.table import fixed
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.scan.write import write_scan
from vesalius.tasks.predictor import Predicted, PredictOptions, Predictor
from vesalius.tasks.segment.segmenter import Segmenter

_ML = 1e-3
"""Of a cubic millimetre."""
_OUTLINES = "outlines"


class SegmentPredictor(Predictor):
    """Writes a label map for each study.

    Measures are volumes in mL (of a cine: of its largest and smallest cavity) and what follows from them. There is no
    picture where nothing was found.
    """

    task = "segment"
    knows = frozenset({"resample"})

    def __init__(self, model: Path, device: str, options: PredictOptions | None = None) -> None:
        super().__init__(model, device, options)
        self._segmenter = Segmenter.from_pretrained(model, device)
        self.images: Sequence[str] = self._segmenter.contract.images

    def target_of(self, name: str) -> str:
        return f"{name}.nii.gz"

    def __call__(self, scans: Mapping[str, Scan], target: Path) -> Predicted:
        """Segment a study and write its map.

        Raises:
            InputError: an image is missing.
            GeometryError: the slices lie on no grid.
            UsageError: values that are no image.
        """
        scans = self.placed(scans)
        found = self._segmenter(scans)
        write_scan(found, target, force=True)
        labels_TIJK = found.stored()[0]
        picture = self._picture(labels_TIJK, scans)
        return Predicted(self._measures(labels_TIJK, found), {} if picture is None else {_OUTLINES: picture})

    def told(self, measures: Mapping[str, Any]) -> str:
        return ", ".join(f"{key} {value:.4g}" for key, value in measures.items())

    def sections(
        self, results: Mapping[str, dict[str, Any]], pictures: Mapping[str, Mapping[str, str]]
    ) -> list[Section]:
        keys = list(dict.fromkeys(key for measures in results.values() for key in measures))
        told = Section(title="What was found")
        columns = [Column(name="study"), *(Column(name=key, numeric=True) for key in keys)]
        told.table(columns, [[name, *(fixed(one.get(key), 1) for key in keys)] for name, one in results.items()])
        for name, files in pictures.items():
            told.figure(files[_OUTLINES], f"{name}: the slice with most of what was found.", f"Outlines in {name}")
        return [told]

    def _measures(self, labels_TIJK: NDArray[Any], found: Scan) -> dict[str, Any]:
        spacing_mm = found.spacing_mm
        if spacing_mm is None:
            return {}
        voxel_ml = math.prod(spacing_mm) * _ML
        labels, cavity = self._segmenter.settings.labels, self._segmenter.settings.cavity
        volumes = {name: (labels_TIJK == values[0]).sum((1, 2, 3)) * voxel_ml for name, values in labels.items()}
        if len(labels_TIJK) == 1:
            return {f"{name} mL": float(volume[0]) for name, volume in volumes.items()}
        if cavity is None:
            return {f"{name} mL, largest": float(volume.max()) for name, volume in volumes.items()}
        ed, es = int(volumes[cavity].argmax()), int(volumes[cavity].argmin())
        edv, esv = float(volumes[cavity][ed]), float(volumes[cavity][es])
        function = {"EDV mL": edv, "ESV mL": esv, "ED frame": ed, "ES frame": es}
        return function | ({"EF %": 100 * (edv - esv) / edv} if edv else {})

    def _picture(self, labels_TIJK: NDArray[Any], scans: Mapping[str, Scan]) -> bytes | None:
        sizes_TK = (labels_TIJK > 0).sum((1, 2))
        image = scans[self.images[0]]
        if not sizes_TK.any() or image.shape[1:] != labels_TIJK.shape:
            return None
        t, k = (int(place) for place in np.unravel_index(sizes_TK.argmax(), sizes_TK.shape))
        values = [several[0] for several in self._segmenter.settings.labels.values()]
        found_JI = np.zeros(labels_TIJK.shape[2:0:-1], np.int8)
        labels_JI = labels_TIJK[t, :, :, k].T
        for number, value in enumerate(values, start=1):
            found_JI[labels_JI == value] = number
        picture_JI = part(image, t=t).values(k=slice(k, k + 1))[0, 0, :, :, 0].T
        spacing_mm = image.spacing_mm or (1.0, 1.0, 1.0)
        caption = f"slice {k}" if len(labels_TIJK) == 1 else f"frame {t}, slice {k}"
        one = Outlined(caption, picture_JI, np.zeros_like(found_JI), found_JI, (spacing_mm[1], spacing_mm[0]))
        return outlines([one], tuple(self._segmenter.settings.labels))
