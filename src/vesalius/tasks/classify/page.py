"""Predictions of a classifier for people: a line on the terminal, tables and pictures in the report.

`unit` is what the calibration was chosen on: "studies", "slices" of volumes, or "pictures".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from vesalius.report.page import Column, Section, Viewer
from vesalius.report.table import NOTHING, fixed
from vesalius.report.verdict import Verdict
from vesalius.tasks.classify.calibration import Calibration

HEAT, SIMILARITY, PROFILE = "heat", "similarity", "profile"
"""Kinds of pictures."""
_NAMED = 3
"""Scans with findings that the verdict names."""
_SHOWN = 24
"""Studies that are shown with pictures; the others have them in their folders."""
_MAPS = {
    "logit": "for each patch the logit of {name}, as if the scan were this patch alone. Colours begin at the "
    "threshold, below it nothing is drawn. It shows where; the head learned from whole slices, so the values are no "
    "risks",
    "grad-cam": "Grad-CAM: the share of each place in the logit of {name}, where it is positive. It shows what speaks "
    "for the finding, not how likely it is: each picture has a scale of its own",
    "rollout": "attention rollout: how much of each patch reaches the class token. It shows where the encoder looks, "
    "whatever the finding",
}
_OF = {"studies": "Of the study", "slices": "The highest of the slices", "pictures": "Of the picture"}
_SLICES_CAVEAT = (
    "The model was trained and calibrated on single slices, so the more slices a scan has, the more often one of them "
    "reaches the threshold by chance."
)


def summary_line(measures: Mapping[str, Any], unit: str = "studies") -> str:
    """Return the measures of a scan in one line."""
    classes = measures["classes"]
    if "class" in measures:  # one class of several
        parts = [f"{measures['class']} {classes[measures['class']]['probability']:.3f}"]
    else:
        parts = [
            f"{name} {found['probability']:.3f}{' (positive)' if found['positive'] else ''}"
            for name, found in classes.items()
        ]
    top = "" if unit == "pictures" else f"; most suspicious slice {measures['top_slices'][0]['slice']}"
    warned = "".join(f"; {warning}" for warning in measures["warnings"])
    return f"{', '.join(parts)}{top}{warned}"


def verdict_of(results: Mapping[str, Mapping[str, Any]], unit: str = "studies") -> Verdict:
    """Return the answer for all scans in one line: which findings reach their thresholds, or the most probable class.

    Example:
        >>> finding = {"probability": 0.2, "positive": False}
        >>> verdict_of({"head": {"classes": {"any": finding}}}).words
        'No finding reached its threshold; the highest is any 0.20'
    """
    what = "pictures" if unit == "pictures" else "studies"
    if all("class" in measures for measures in results.values()):
        called = Counter(str(measures["class"]) for measures in results.values())
        if len(results) == 1:
            ((name, measures),) = results.items()
            probability = measures["classes"][measures["class"]]["probability"]
            return Verdict(words=f"{name}: {measures['class']}, probability {probability:.2f}")
        counts = ", ".join(f"{count} {name}" for name, count in called.most_common())
        return Verdict(words=f"Of {len(results)} {what}: {counts}")
    positive = {
        scan: [f"{name} {found['probability']:.2f}" for name, found in measures["classes"].items() if found["positive"]]
        for scan, measures in results.items()
    }
    reached = {scan: findings for scan, findings in positive.items() if findings}
    if not reached:
        name, probability = max(
            ((name, found["probability"]) for each in results.values() for name, found in each["classes"].items()),
            key=lambda pair: pair[1],
        )
        among = "" if len(results) == 1 else f" in {len(results)} {what}"
        return Verdict(words=f"No finding reached its threshold{among}; the highest is {name} {probability:.2f}")
    if len(results) == 1:
        ((scan, findings),) = reached.items()
        return Verdict(words=f"{scan}: at or above the threshold {', '.join(findings)}")
    few = "; ".join(f"{scan} {', '.join(findings)}" for scan, findings in list(reached.items())[:_NAMED])
    more = f"; {len(reached) - _NAMED} more" if len(reached) > _NAMED else ""
    return Verdict(words=f"{len(reached)} of {len(results)} {what} reach a threshold: {few}{more}")


def sections_of(
    results: Mapping[str, Mapping[str, Any]],
    pictures: Mapping[str, Mapping[str, str]],
    viewers: Mapping[str, Viewer],
    calibration: Calibration,
    unit: str = "studies",
    data: Sequence[str] = (),
) -> list[Section]:
    """Return one table of all scans, then a section for each; a single scan comes before its table.

    Args:
        results: scan -> measures.
        pictures: scan -> kind -> file in `figures`.
        viewers: scan -> its slices to look through, of the first scans.
        calibration: of the model.
        unit: see the module.
        data: names of the training data.
    """
    classes, samples = calibration.classes, f"{calibration.samples} validation {unit}"
    head = Section(title="Probabilities")
    is_one_class = calibration.activation == "softmax"
    chosen = (
        "Each picture gets the most probable class."
        if is_one_class
        else f"Thresholds for a specificity of {calibration.specificity:.2f} on {samples}."
    )
    head.text(f"{chosen} The model card says what the model was made for and where it fails.")
    if unit == "slices":
        head.text(_SLICES_CAVEAT, "warning")
    name = "picture" if unit == "pictures" else "study"
    columns = [Column(name=name), *(Column(name=name, numeric=True) for name in classes)]
    columns.append(Column(name="class" if is_one_class else "positive"))
    rows = []
    for scan, measures in results.items():
        found = measures["classes"]
        positive = ", ".join(name for name in classes if found[name]["positive"])
        rows.append([scan, *(fixed(found[name]["probability"], 3) for name in classes), positive or NOTHING])
    thresholds = [NOTHING if value is None else fixed(value, 3) for value in calibration.thresholds]
    whole = "Probabilities of whole studies" if unit == "studies" else f"Probabilities of {unit}"
    trained_on = " and ".join(data) or "the model's own training data"
    caption = f"{whole}, calibrated on {trained_on} only ({samples})."
    head.table(columns, rows if is_one_class else [*rows, ["threshold", *thresholds, ""]], caption)
    shown = [
        _scan_section(scan, measures, pictures.get(scan, {}), viewers.get(scan), classes, unit)
        for scan, measures in list(results.items())[:_SHOWN]
    ]
    if len(results) > _SHOWN:
        shown[-1].text(f"{len(results) - _SHOWN} more studies have their pictures in their own folders.", "note")
    parts = [*shown, head] if len(results) == 1 else [head, *shown]
    return [*parts, Section(title="Definitions").definitions(_definitions(unit, is_one_class))]


def _definitions(unit: str, is_one_class: bool) -> dict[str, str]:
    definitions = {
        "Probability": f"{_OF[unit]}. Its scale was set on validation {unit} of the model's own data; on any other "
        "data it is not validated.",
        "Threshold": f"From validation {unit} too; {_OF[unit].lower()}, a probability at or above it counts as "
        f"positive. None where validation had no {unit} without the finding.",
        "Suspicious slices": "Slices with the highest probability of the leading finding when the head sees each "
        "alone. Counted from 0, from below upwards in axial scans; the index in the file stands beside it.",
        "Leading finding": "The one farthest above its threshold, or least below.",
    }
    if unit == "pictures":
        del definitions["Suspicious slices"]
    if is_one_class:
        del definitions["Threshold"]
        definitions["Leading finding"] = "The most probable class."
    return definitions


def _scan_section(
    scan: str,
    measures: Mapping[str, Any],
    pictures: Mapping[str, str],
    viewer: Viewer | None,
    classes: Sequence[str],
    unit: str,
) -> Section:
    section = Section(title=scan)
    for warning in measures["warnings"]:
        section.text(warning[0].upper() + warning[1:] + ".", "warning")
    heat = measures["heat_map"]
    where = "" if unit == "pictures" else f"Slice {heat['slice']}: "
    captions = {
        HEAT: f"{where}{_heat_words(heat)}{_below(measures)}",
        SIMILARITY: f"{where}how alike each patch is to the framed one, whatever the finding.",
    }
    if unit != "pictures":
        captions[PROFILE] = "Probability of each slice alone."
    words = captions.pop(HEAT)
    words = words[0].upper() + words[1:]
    if viewer is not None:
        section.viewer(viewer).text(words)
    elif HEAT in pictures:
        section.figure(pictures[HEAT], words, f"{HEAT} of {scan}")
    if unit != "pictures":
        columns = [Column(name="slice"), Column(name="in the file")]
        columns += [Column(name=name, numeric=True) for name in classes]
        rows = [
            [
                str(top["slice"]),
                f"{top['file_axis']} = {top['file_index']}" if "file_index" in top else NOTHING,
                *(fixed(top["probabilities"][name], 3) for name in classes),
            ]
            for top in measures["top_slices"]
        ]
        used = f"{measures['slices_looked_at']} of {measures['slices']} slices were used"
        section.table(
            columns, rows, f"Suspicious slices by {measures['leading']}. {used}, in {measures['seconds']:.1f} s."
        )
    for kind, caption in captions.items():
        if kind in pictures:
            section.figure(pictures[kind], caption[0].upper() + caption[1:], f"{kind} of {scan}")
    return section


def heat_words(heat: Mapping[str, Any]) -> str:
    """Return in a few words what the colours of a heat map mean."""
    name = heat["class"]
    of = {"logit": f"logit of {name} for each patch, from the threshold on", "grad-cam": f"Grad-CAM of {name}"}
    return of.get(heat["shows"], "attention rollout")


def _heat_words(heat: Mapping[str, Any]) -> str:
    if heat["shows"] == "grad-cam" and not heat["highest"]:
        return f"nothing is coloured, as no place speaks for {heat['class']}."
    threshold = heat.get("threshold")  # none where attention is shown
    if threshold is not None and heat["highest"] < threshold:
        return (
            f"nothing is coloured, as no patch reaches the threshold of {heat['class']}: the highest logit is "
            f"{heat['highest']:.2f}, the threshold {threshold:.2f}. No single place leads to the probability above."
        )
    return f"{_MAPS[heat['shows']].format(name=heat['class'])}. The frame is the hottest patch."


def _below(measures: Mapping[str, Any]) -> str:
    """A sentence for colours that could be taken for a finding."""
    is_positive = measures["classes"][measures["leading"]]["positive"]
    return f" The whole is below the threshold of {measures['leading']}." if is_positive is False else ""
