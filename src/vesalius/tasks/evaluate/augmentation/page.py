"""The report of a comparison of augmentations: the plain sentences, the table, the figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vesalius.csv_table import Cell
from vesalius.metrics.bootstrap import MIN_PATIENTS, Interval
from vesalius.metrics.drawn import Drawn
from vesalius.report.chart import dots
from vesalius.report.page import Column, ReportTable
from vesalius.report.result import Result
from vesalius.report.table import NOTHING, fixed
from vesalius.report.verdict import Outcome, Verdict
from vesalius.tasks.evaluate.arms.measures import NAMES
from vesalius.tasks.evaluate.augmentation.effect import ArmMeasure, Effect, Gain
from vesalius.tasks.evaluate.augmentation.options import (
    CLASSICAL,
    EVERYTHING,
    REAL,
    SYNTHETIC,
    SYNTHETIC_ONLY,
    AugmentationOptions,
)

FIGURE = "augmentation.png"
_COLUMNS = ("arm", "real", "synthetic", "seed", "steps")
WORDS = {
    REAL: "real only",
    CLASSICAL: "real + classical augmentation",
    SYNTHETIC: "real + synthetic",
    SYNTHETIC_ONLY: "synthetic only",
    EVERYTHING: "real + synthetic + classical augmentation",
}
PAIRS = (
    *((arm, REAL) for arm in (CLASSICAL, SYNTHETIC, SYNTHETIC_ONLY, EVERYTHING)),
    (SYNTHETIC, CLASSICAL),
    (EVERYTHING, CLASSICAL),
)
"""(arm, arm that is subtracted)."""
_SUBJECTS = {
    (CLASSICAL, REAL): ("Classical augmentation", False),
    (SYNTHETIC, REAL): ("Synthetic pictures", True),
    (SYNTHETIC_ONLY, REAL): ("Synthetic pictures instead of real ones", True),
    (EVERYTHING, REAL): ("Synthetic pictures and classical augmentation together", True),
    (SYNTHETIC, CLASSICAL): ("Synthetic pictures instead of classical augmentation", True),
    (EVERYTHING, CLASSICAL): ("Synthetic pictures on top of classical augmentation", True),
}
"""Difference -> who helps, and whether that is a plural."""
_SAYS: dict[Effect, tuple[str, str]] = {
    "helps": ("helps", "help"),
    "harms": ("does harm", "do harm"),
    "not shown": ("does not help: no difference is shown", "do not help: no difference is shown"),
    "unknown": ("cannot be judged: there is no interval", "cannot be judged: there is no interval"),
}
_OUTCOMES: dict[Effect, Outcome] = {"helps": "good", "harms": "bad", "not shown": "neutral", "unknown": "neutral"}
_DEFINITIONS = {
    "Arm": "All arms train the same net for the same number of optimizer steps and are measured on the same real test "
    "cases. The last weights are measured: none are chosen by validation.",
    "Classical augmentation": "What the configuration states as augment and mixup; the other arms train without both.",
    "Interval": "95 % percentile bootstrap of the mean over the seeds: test patients (or studies) are drawn, each with "
    "all its pictures, and so are the seeds. All arms share the draws, so differences are paired. None below "
    f"{MIN_PATIENTS} patients.",
    "SD": "Standard deviation over the seeds.",
    "What is not known": "It holds for this net, this many real pictures and this generator. A generator that learned "
    "from test cases would give them away; that each source is a training case is checked, what the generator itself "
    "learned from is not.",
}


@dataclass(frozen=True)
class Augmentation:
    """Everything that the page shows.

    Args:
        options: of the run.
        counts: arm -> real and synthetic training pictures.
        steps: optimizer steps of every arm.
        measures: of each arm.
        gains: differences; those from real pictures alone first.
        drawn: test patients.
        samples: test pictures.
        notes: caveats.
        failures: cell -> why it failed.
    """

    options: AugmentationOptions
    counts: Mapping[str, tuple[int, int]]
    steps: int
    measures: Sequence[ArmMeasure]
    gains: Sequence[Gain]
    drawn: Drawn
    samples: int
    notes: Sequence[str]
    failures: Mapping[str, str]


def result_of(found: Augmentation) -> Result:
    """Return the report."""
    options, name = found.options, NAMES[found.options.measure]
    result = Result(
        results=_numbers(found),
        rows=_rows(found),
        columns=(*_COLUMNS, options.measure),
        failures=dict(found.failures),
    )
    result.verdict = verdict(found)
    section = result.section("Is it worth it?")
    for sentence in sentences(found):
        section.text(sentence)
    section.text(
        f"{name} on {found.samples} real test pictures of {found.drawn.words}. "
        f"Seeds: {len(options.seeds)}. Every arm trains for {found.steps} steps."
    )
    values = {WORDS[one.arm]: [value for value in one.seeds.values() if math.isfinite(value)] for one in found.measures}
    result.figures[FIGURE] = dots(values, name)
    section.figure(FIGURE, "Dots: seeds. Lines: their mean.", f"{name} of each arm")
    shown = table(found)
    section.table(shown.columns, shown.rows, shown.caption)
    for note in notes(found):
        section.text(note, tone="warning")
    result.section("Definitions").definitions(_DEFINITIONS)
    return result


def verdict(found: Augmentation) -> Verdict:
    """Return what synthetic pictures add to real ones, else the first difference, in one line."""
    if not found.gains:
        return Verdict(words="Nothing could be compared", outcome="bad")
    gain = next((gain for gain in found.gains if (gain.arm, gain.minus) == (SYNTHETIC, REAL)), found.gains[0])
    sentence = _sentence(gain, NAMES[found.options.measure]).rstrip(".")
    return Verdict(words=f"{sentence}, on {found.drawn.words}", outcome=_OUTCOMES[gain.effect])


def sentences(found: Augmentation) -> list[str]:
    """Return what each difference says, in plain words."""
    return [_sentence(gain, NAMES[found.options.measure]) for gain in found.gains]


def _sentence(gain: Gain, name: str) -> str:
    arm, minus = WORDS[gain.arm], WORDS[gain.minus]
    subject, are_several = _SUBJECTS[gain.arm, gain.minus]
    interval = "" if gain.interval is None else f" (95 % interval {_ends(gain.interval, signed=True)})"
    return f"{subject} {_SAYS[gain.effect][are_several]}; {arm} minus {minus}: {name} {gain.value:+.3f}{interval}."


def table(found: Augmentation) -> ReportTable:
    """Return the table of the arms."""
    gain_of = {gain.arm: gain for gain in found.gains if gain.minus == REAL}
    rows = []
    for one in found.measures:
        gain = gain_of.get(one.arm)
        difference = [NOTHING, NOTHING] if gain is None else [f"{gain.value:+.3f}", _ends(gain.interval, signed=True)]
        real, synthetic = found.counts[one.arm]
        rows.append(
            [
                WORDS[one.arm],
                str(real),
                str(synthetic),
                fixed(one.value, 3),
                _ends(one.interval),
                fixed(one.spread, 3),
                *difference,
            ]
        )
    names = ("", "real", "synthetic", NAMES[found.options.measure], "95 % interval", "SD", "minus real only")
    columns = [Column(name=name, numeric=at > 0) for at, name in enumerate((*names, "95 % interval"))]
    return ReportTable(columns=columns, rows=rows, caption=f"Intervals {found.drawn.by}, and over the seeds.")


def notes(found: Augmentation) -> list[str]:
    """Return caveats."""
    lines = [f"{note[0].upper()}{note[1:]}." for note in found.notes]
    if found.failures:
        count = len(found.failures)
        cells = f"{count} {'cell' if count == 1 else 'cells'} failed"
        lines.append(f"{cells}; differences take the seeds that both arms have.")
    if len(found.options.seeds) < 3:
        lines.append("With fewer than three seeds the interval hardly knows how much a training varies.")
    return lines


def _numbers(found: Augmentation) -> dict[str, Any]:
    options, drawn = found.options, found.drawn
    return {
        "measure": options.measure,
        "seeds": list(options.seeds),
        "steps": found.steps,
        "samples": found.samples,
        "patients": drawn.patients,
        "drawn": [drawn.known, drawn.studies],
        "intervals": drawn.by,
        "arms": [
            {
                "real": found.counts[one.arm][0],
                "synthetic": found.counts[one.arm][1],
                **_measured(one),
                "sd": one.spread,
            }
            for one in found.measures
        ],
        "differences": [{**_measured(gain), "minus": gain.minus, "effect": gain.effect} for gain in found.gains],
        "sentences": sentences(found),
    }


def _measured(one: ArmMeasure | Gain) -> dict[str, Any]:
    interval = None if one.interval is None else asdict(one.interval)
    seeds = {str(seed): value for seed, value in one.seeds.items()}
    return {"arm": one.arm, "value": one.value, "interval": interval, "seeds": seeds}


def _rows(found: Augmentation) -> list[dict[str, Cell]]:
    """A row for each arm and seed."""
    return [
        {
            "arm": one.arm,
            "real": found.counts[one.arm][0],
            "synthetic": found.counts[one.arm][1],
            "seed": seed,
            "steps": found.steps,
            found.options.measure: value if math.isfinite(value) else None,
        }
        for one in found.measures
        for seed, value in one.seeds.items()
    ]


def _ends(interval: Interval | None, *, signed: bool = False) -> str:
    if interval is None:
        return NOTHING
    return f"{interval.low:+.3f} to {interval.high:+.3f}" if signed else f"{interval.low:.3f} to {interval.high:.3f}"
