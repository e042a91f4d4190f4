"""The trivial baseline of a model that finds one class in pictures: Otsu's threshold, which learns nothing.

Letters: C channel, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.masks import Measured, per_patient
from vesalius.metrics.spread import Spread
from vesalius.report.page import Column, Section
from vesalius.report.table import NOTHING, fixed
from vesalius.scan.colours import in_rgb
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.config import SegmentSettings
from vesalius.transforms.window import to_grey

OTSU = "Otsu threshold"
_WORDS = (
    "Otsu's threshold of the brightness, picture by picture; the side with fewer pixels is the class. It learns "
    "nothing, so what a model adds is the difference."
)


class Otsu:
    """Finds the only class of a model by the threshold of Otsu (IEEE Trans. SMC 9, 1979) on the brightness.

    The side with fewer pixels is the class: objects cover less than half of most pictures, whether they are bright
    (fluorescence) or dark (stained).

    Args:
        settings: of the model that it stands beside.
        images: names of the images; the first one is used.
    """

    def __init__(self, settings: SegmentSettings, images: Sequence[str]) -> None:
        self.settings, self._image = settings, images[0]

    def classes(self, scans: Mapping[str, Scan], t: int = 0) -> NDArray[np.integer]:
        """Class numbers (I, J, K) of one frame: 1 is the class."""
        from skimage.filters import threshold_otsu

        frame = part(in_rgb(scans[self._image]), t=t)
        grey_KIJ = to_grey(frame.values()[:, 0].transpose(3, 0, 1, 2), frame.colour)
        grey_IJK = grey_KIJ.transpose(1, 2, 0)
        bright_IJK = grey_IJK > threshold_otsu(grey_IJK)
        is_dark = np.count_nonzero(bright_IJK) > bright_IJK.size / 2
        return (~bright_IJK if is_dark else bright_IJK).astype(np.int8)


@dataclass(frozen=True)
class Beside:
    """A model beside the baseline on the same label maps, by patient.

    Args:
        baseline: Dice of the baseline.
        gain: Dice of the model minus that of the baseline.
    """

    baseline: Spread
    gain: Spread

    @classmethod
    def of(cls, rows: Sequence[Measured], baseline: Sequence[Measured]) -> Beside:
        """Compare rows of both; only label maps that both have count."""
        by_case = {row.case: row for row in baseline}
        pairs = [(row, by_case[row.case]) for row in rows if row.case in by_case]
        patients = {who: who for who in sorted({row.patient for row, _ in pairs}, key=int)}
        mine = per_patient([row for row, _ in pairs], patients, "dice")
        theirs = per_patient([row for _, row in pairs], patients, "dice")
        return cls(Spread.of(theirs), Spread.of({who: mine[who] - theirs[who] for who in patients}))

    @property
    def results(self) -> dict[str, Any]:
        """The numbers for programs, JSON-able."""
        return {"name": OTSU, "dice": _numbers(self.baseline), "difference": _numbers(self.gain)}

    @property
    def text(self) -> str:
        """Dice of the baseline in words, for the model card."""
        value, interval = _pair(self.baseline)
        return value if interval == NOTHING else f"{value} ({interval})"

    def section(self, dice: Spread, by: str) -> Section:
        """Return the table of the report.

        Args:
            dice: of the model.
            by: what the intervals draw.
        """
        rows = [["model", *_pair(dice)], [OTSU, *_pair(self.baseline)], ["difference", *_pair(self.gain)]]
        columns = [Column(name=""), Column(name="Dice", numeric=True), Column(name="95 % interval", numeric=True)]
        return Section(title="Beside the trivial baseline").text(_WORDS).table(columns, rows, f"Intervals {by}.")


def _numbers(spread: Spread) -> dict[str, Any]:
    return {"mean": spread.mean, "interval": None if spread.low is None else [spread.low, spread.high]}


def _pair(spread: Spread) -> tuple[str, str]:
    interval = NOTHING if spread.low is None else f"{fixed(spread.low, 3)} to {fixed(spread.high, 3)}"
    return fixed(spread.mean, 3), interval
