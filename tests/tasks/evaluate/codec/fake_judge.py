"""A judge whose masks can be worked out by hand, and judged studies made up from numbers."""

import numpy as np

from tasks.evaluate.codec.fake import study
from vesalius.tasks.evaluate.codec.judge import Judge
from vesalius.tasks.evaluate.codec.results import JudgedStudy, Judgement
from vesalius.tasks.segment.config import SegmentSettings

CAVITY_ABOVE, RIM_ABOVE = 500, 400
"""The disc of `fake.cine` lies near 800, the rest near 200."""


class Threshold:
    """Class 2 (called lv, 3 in masks) above one value, class 1 (rim, 2 in masks) above another."""

    def __init__(self, **settings):
        facts = {"labels": {"rim": [2], "lv": [3]}, "patch": [8, 8, 1], "cavity": "lv"}
        self.settings = SegmentSettings.model_validate(facts | settings)
        self.calls = []

    def classes(self, scans, t=0):
        (scan,) = scans.values()
        self.calls.append(t)
        values = scan.values(slice(t, t + 1))[0, 0]
        return np.where(values > CAVITY_ABOVE, 2, np.where(values > RIM_ABOVE, 1, 0))


def fake_judge(**settings):
    return Judge("fake", Threshold(**settings), "image", "ab" * 32, {"weights": "ab" * 32})


def judgement(dice=None, agreement=0.8, edv=100.0, esv=40.0, ef=60.0):
    both = {"lv": {"ED": agreement, "ES": agreement}}
    return Judgement(dice=dice or {}, agreement=both, edv_ml=edv, esv_ml=esv, ef_percent=ef)


def judged_study(name, *, masks=True, ef_of=lambda ratio: 60.0, **options):
    """Dice of the lv falls by 0.05 for each fourfold ratio from 0.95 at 5:1; the judge's own is 0.96."""
    base = study(name, **options)
    own = {"lv": {"ED": 0.98, "ES": 0.94}, "rim": {"ED": 0.9}}

    def found(step, number):
        down = 0.05 * (number % 5)
        dice = {"lv": {"ED": 0.97 - down, "ES": 0.93 - down}, "rim": {"ED": 0.85 - down}}
        return judgement(dice if masks else None, 1.0 - down, 100.0 - step / 100, 40.0, ef_of(step))

    points = tuple(
        point.model_copy(update={"judged": found(point.step, number)}) for number, point in enumerate(base.points)
    )
    facts = JudgedStudy(
        ed=0, es=4, frames_from="Info.cfg" if masks else "judge", classes=("rim", "lv"),
        original=judgement(own if masks else None, 1.0), masks_ef_percent=55.0 if masks else None,
    )  # fmt: skip
    return base.model_copy(update={"points": points, "judged": facts})
