"""The answer of a report in one line: what came out, with its number and interval, and whether that is good.

The outcome speaks of the work (a file that equals its source, a model that beats chance), never of a patient: a finding
is neither good nor bad, and that none was found is no good news from a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Outcome = Literal["good", "neutral", "bad"]


class Verdict(BaseModel):
    """A sentence without a full stop, and its outcome.

    Args:
        words: e.g. "AUROC any 0.93 (0.88 to 0.97) on 41 unseen patients".
        outcome: "bad" is what must not stay as it is; "neutral" what shows neither.

    Example:
        >>> Verdict(words="3 studies predicted").beside(failures=2).words
        '3 studies predicted; 2 failed, listed below'
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    words: str
    outcome: Outcome = "neutral"

    def beside(self, failures: int) -> Verdict:
        """Return the verdict where so many inputs failed: it names them, and is good no more."""
        if not failures:
            return self
        outcome: Outcome = "neutral" if self.outcome == "good" else self.outcome
        return Verdict(words=f"{self.words}; {failures} failed, listed below", outcome=outcome)


def with_interval(value: float | None, interval: Sequence[float] | None, decimals: int = 2, unit: str = "") -> str:
    """Return a number and its interval, where there is one.

    Example:
        >>> with_interval(0.934, (0.881, 0.97)), with_interval(31.2, None, 1, " dB"), with_interval(None, None)
        ('0.93 (0.88 to 0.97)', '31.2 dB', 'not measured')
    """
    if value is None:
        return "not measured"
    ends = "" if interval is None else f" ({interval[0]:.{decimals}f} to {interval[1]:.{decimals}f})"
    return f"{value:.{decimals}f}{unit}{ends}"


def against(value: float | None, interval: Sequence[float] | None, chance: float) -> Outcome:
    """Return "good" where the whole interval lies above what chance gives, "bad" where it lies below, else "neutral".

    A number without an interval shows nothing beyond chance.

    Example:
        >>> against(0.9, (0.8, 0.95), 0.5), against(0.6, (0.4, 0.8), 0.5), against(0.9, None, 0.5)
        ('good', 'neutral', 'neutral')
    """
    if value is None or interval is None:
        return "neutral"
    return "good" if interval[0] > chance else "bad" if interval[1] < chance else "neutral"


def of_findings(results: Mapping[str, Any], counted: str) -> Verdict:
    """Return the verdict on a classifier (`metrics.findings.measured`).

    The leading number is the AUROC of the class "any" where there is one, of a single class, else the mean; a trivial
    baseline that does as well makes a good result neutral.

    Args:
        results: with "classes", "auroc" and perhaps "baselines".
        counted: the samples in words, e.g. "41 unseen patients".
    """
    classes = results["classes"]
    name = (
        "any" if "any" in classes else next(iter(classes)) if len(classes) == 1 else f"mean of {len(classes)} classes"
    )
    measure = classes[name]["auroc"] if name in classes else results["auroc"]
    outcome = against(measure["value"], measure["interval"], 0.5)
    words = f"AUROC {name} {with_interval(measure['value'], measure['interval'])} on {counted}"
    if measure["value"] is not None and measure["interval"] is None:
        words += "; too few for an interval"
    elif outcome == "neutral":
        words += "; not shown to be better than chance"
    beaten = {
        name: against(each["auroc_difference"]["value"], each["auroc_difference"]["interval"], 0.0)
        for name, each in (results.get("baselines") or {}).items()
    }
    rivals = [name for name, side in beaten.items() if side != "good"]
    if outcome == "good" and rivals:
        return Verdict(words=f"{words}; not shown to be better than the baseline from {rivals[0]}")
    return Verdict(words=words, outcome=outcome)
