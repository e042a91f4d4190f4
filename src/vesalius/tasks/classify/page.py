"""Predictions of a detection for people: a line on the terminal, tables and pictures in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vesalius.report.page import Column, Section
from vesalius.report.table import NOTHING, fixed
from vesalius.tasks.classify.calibration import Calibration

HEAT, SIMILARITY, PROFILE = "heat", "similarity", "profile"
"""Kinds of pictures."""
_SHOWN = 24
"""Studies that are shown with pictures; the others have them in their folders."""
_MAPS = {
    "logit": "for each patch the logit of {name}, as if the study were this patch alone. Colours begin at the "
    "threshold, below it nothing is drawn. It shows where; the head learned from whole slices, so the values are no "
    "risks",
    "rollout": "attention rollout: how much of each patch reaches the class token. It shows where the encoder looks, "
    "whatever the finding",
}
_DEFINITIONS = {
    "Probability": "Of the study. Its scale was set on validation studies of the model's own data; on any other data "
    "it is not validated.",
    "Threshold": "From validation studies too; a study at or above it counts as positive. None where validation knew "
    "no study without the finding.",
    "Suspicious slices": "Slices with the highest probability of the leading finding when the head sees each alone. "
    "Counted from 0, from below upwards in axial scans; the index in the file stands beside it.",
    "Leading finding": "The one farthest above its threshold, or least below.",
}


def told_of(measures: Mapping[str, Any]) -> str:
    """What was found in a study, in a line."""
    parts = [f"{name} {one['probability']:.3f}{_mark(one)}" for name, one in measures["classes"].items()]
    top = measures["top_slices"][0]["slice"]
    warned = "".join(f"; {warning}" for warning in measures["warnings"])
    return f"{', '.join(parts)}; most suspicious slice {top}{warned}"


def sections_of(
    results: Mapping[str, dict[str, Any]],
    pictures: Mapping[str, Mapping[str, str]],
    classes: Sequence[str],
    calibration: Calibration,
    data: Sequence[str] = (),
) -> list[Section]:
    """All studies in a table, then one section for each; `data` names what the model was trained on."""
    head = Section(title="Probabilities")
    head.text(
        f"Thresholds for a specificity of {calibration.specificity:.2f} on {calibration.samples} validation studies. "
        "The model card says what the model was made for and where it fails."
    )
    columns = [Column(name="study"), *(Column(name=name, numeric=True) for name in classes), Column(name="positive")]
    rows = []
    for study, one in results.items():
        found = one["classes"]
        positive = [name for name in classes if found[name]["positive"]]
        told = ", ".join(positive) or NOTHING
        rows.append([study, *(fixed(found[name]["probability"], 3) for name in classes), told])
    thresholds = [NOTHING if one is None else fixed(one, 3) for one in calibration.thresholds]
    head.table(columns, [*rows, ["threshold", *thresholds, ""]], _caption(calibration, data))
    shown = [_study(name, one, pictures.get(name, {}), classes) for name, one in list(results.items())[:_SHOWN]]
    if len(results) > _SHOWN:
        shown[-1].text(f"{len(results) - _SHOWN} more studies have their pictures in their own folders.", "note")
    return [head, *shown, Section(title="What the words mean").definitions(_DEFINITIONS)]


def _study(study: str, one: Mapping[str, Any], pictures: Mapping[str, str], classes: Sequence[str]) -> Section:
    told = Section(title=study)
    for warning in one["warnings"]:
        told.text(warning[0].upper() + warning[1:] + ".", "warning")
    columns = [Column(name="slice"), Column(name="in the file"), *(Column(name=name, numeric=True) for name in classes)]
    rows = [
        [
            str(top["slice"]),
            f"{top['file_axis']} = {top['file_index']}" if "file_index" in top else NOTHING,
            *(fixed(top["probabilities"][name], 3) for name in classes),
        ]
        for top in one["top_slices"]
    ]
    looked = f"{one['slices_looked_at']} of {one['slices']} slices were looked at in {one['seconds']:.1f} s."
    told.table(columns, rows, f"Suspicious slices by {one['leading']}. {looked}")
    heat = one["heat_map"]
    captions = {
        HEAT: f"Slice {heat['slice']}: {_heat_words(heat)}{_below(one)}",
        SIMILARITY: f"Slice {heat['slice']}: how alike each patch is to the framed one, whatever the finding.",
        PROFILE: "What the head says of each slice alone.",
    }
    for kind, caption in captions.items():
        if kind in pictures:
            told.figure(pictures[kind], caption, f"{kind} of {study}")
    return told


def _caption(calibration: Calibration, data: Sequence[str]) -> str:
    """Of the probabilities: where their calibration holds."""
    of = " and ".join(data) or "the model's own training data"
    return f"Probabilities of whole studies, calibrated on {of} only ({calibration.samples} validation studies)."


def _heat_words(heat: Mapping[str, Any]) -> str:
    threshold = heat.get("threshold")  # none where attention is shown
    if threshold is not None and heat["highest"] < threshold:
        return (
            f"nothing is coloured, as no patch reaches the threshold of {heat['class']}: the highest logit is "
            f"{heat['highest']:.2f}, the threshold {threshold:.2f}. No single place leads to the probability above."
        )
    return f"{_MAPS[heat['shows']].format(name=heat['class'])}. The frame is the hottest patch."


def _below(one: Mapping[str, Any]) -> str:
    """Said where colours could be taken for a finding."""
    decided = one["classes"][one["leading"]]["positive"]
    return "" if decided is not False else f" The study as a whole is below the threshold of {one['leading']}."


def _mark(one: Mapping[str, Any]) -> str:
    return " (positive)" if one["positive"] else ""
