"""Prediction with a segmenter: label maps as NIfTI on the grid of the input, volumes, pictures.

Letters: T time, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vesalius.cohort.ends import Ends
from vesalius.errors import UsageError
from vesalius.metrics.cardiac import (
    EDV_ML,
    EXTREMES,
    LEAST_FRAMES,
    SMOOTHED,
    Pumping,
    pumping,
    smoothed,
    volumes_ml,
    voxel_ml,
)
from vesalius.metrics.masks import pieces
from vesalius.report.chart import volume_curve
from vesalius.report.masks import by_reason
from vesalius.report.overlay import Outlined, outlines
from vesalius.report.page import Column, Section, Viewer
from vesalius.report.scan_viewer import ScanStacks, frame_step_ms
from vesalius.report.style import look
from vesalius.report.table import fixed
from vesalius.report.verdict import Verdict
from vesalius.report.viewer import PaneStacks, classes_stack, viewer
from vesalius.scan.dicom.segmentation import Author, Referred, needs_highdicom
from vesalius.scan.scan import Scan
from vesalius.scan.write import write_scan
from vesalius.tasks.predict_options import SegmentOptions
from vesalius.tasks.predictor import Plausibility, Predicted, Predictor
from vesalius.tasks.segment.ensemble import Ensemble
from vesalius.tasks.segment.plausible import check_cine_mr
from vesalius.tasks.segment.screen import is_picture, on_screen
from vesalius.tasks.segment.segmenter import Finder, Segmenter
from vesalius.weights.card import NOTICE
from vesalius.wording import some

_VENTRICLES = frozenset({"lv", "rv"})
_EF = "EF %"
_OUTLINES, _VOLUMES = "outlines", "volumes"
_SHOWN = 24
"""Studies that are shown with pictures."""
_CAPTIONS = {
    _OUTLINES: "{}: the slice with the most labels, or the picture; outlines are the model's.",
    _VOLUMES: "{}: volume in each frame, and where end-diastole and end-systole were read.",
}


@dataclass(frozen=True)
class Function:
    """Volumes of a scan, of a cine those at end-diastole and end-systole.

    Args:
        numbers: name with unit -> number; frames are whole numbers from 0.
        pumping: EDV, ESV and EF; None where there is one frame, or no cavity.
        warnings: what is implausible, or makes the numbers less reliable than they look.
    """

    numbers: dict[str, float]
    pumping: Pumping | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """The numbers, and how ED and ES are known."""
        return self.numbers | ({} if self.pumping is None else {"ef_from": self.pumping.ef_from})


class SegmentPredictor(Predictor):
    """Writes a label map for each study.

    With the option `dicom_seg` a DICOM Segmentation of each point in time lies beside the map.
    Measures are volumes in mL (of a cine EDV, ESV and EF; of a picture covered shares and pieces), how end-diastole and
    end-systole are known ("ef_from"), the result of the plausibility check, and warnings. Without any label there is no
    picture.
    """

    task = "segment"
    doing = "Segmentation"
    averages = True
    Options = SegmentOptions
    options: SegmentOptions

    def __init__(
        self, model: Path, device: str, options: Mapping[str, Any] | None = None, others: Sequence[Path] = ()
    ) -> None:
        super().__init__(model, device, options, others)
        if self.options.dicom_seg:
            needs_highdicom()
        self._segmenter: Finder = (
            Ensemble.from_pretrained(self.folders, device) if others else Segmenter.from_pretrained(model, device)
        )
        self.images: Sequence[str] = self._segmenter.contract.images

    def target_of(self, name: str) -> str:
        return f"{name}{self._segmenter.settings.suffix}"

    def __call__(self, scans: Mapping[str, Scan], target: Path, ends: Ends | None = None) -> Predicted:
        """Segment a study and write its map.

        Raises:
            InputError: an image is missing, or fails the plausibility check of the model; no DICOM SEG can refer to it.
            GeometryError: the slices lie on no grid.
            UsageError: values that are no image; a volume or a cine for a model of pictures.
        """
        referred = Referred(self._segmenter.contract.ordered(scans)[0]) if self.options.dicom_seg else None
        scans = self.placed(scans)
        image = self._segmenter.contract.ordered(scans)[0]
        settings = self._segmenter.settings
        if settings.suffix == ".png" and not is_picture(image):
            what = f"has {image.shape[4]} slices and {image.shape[1]} frames, the model takes single pictures"
            raise UsageError(what, fix="give one picture")
        check = settings.check
        plausible = check_cine_mr(image) if check == "cine-mr" else Plausibility()
        label_map = self._segmenter(scans)
        name = target.name.removesuffix(settings.suffix)
        files = () if referred is None else referred.write(label_map, self._written, self._author, target.parent, name)
        write_scan(label_map, target, force=True)
        labels_TIJK = label_map.stored()[0]
        function = self._measured(labels_TIJK, label_map, ends)
        pictures = {
            _OUTLINES: self._picture(labels_TIJK, scans),
            _VOLUMES: self._curve(labels_TIJK, label_map, function),
        }
        facts = function.facts | plausible.facts(check, *function.warnings, *image.problems)
        if files:
            facts["dicom_seg"] = [file.name for file in files]
        seen = None if pictures[_OUTLINES] is None else self._seen(labels_TIJK, image)
        return Predicted(facts, {kind: png for kind, png in pictures.items() if png is not None}, files, seen)

    def summary(self, measures: Mapping[str, Any]) -> str:
        numbers = [f"{key} {value:.4g}" for key, value in _numbers(measures).items()]
        known = f" ({measures['ef_from']})" if "ef_from" in measures else ""
        warned = "".join(f"; {warning}" for warning in measures.get("warnings", ()))
        return f"{', '.join(numbers) or 'nothing measured'}{known}{warned}"

    def verdict(self, results: Mapping[str, dict[str, Any]]) -> Verdict:
        warned = sum(bool(facts.get("warnings")) for facts in results.values())
        if len(results) == 1:
            ((name, facts),) = results.items()
            measured = [_spoken(key, value) for key, value in _numbers(facts).items() if not key.endswith(" frame")]
            warnings = f"; {_warned(facts)}" if warned else ""
            return Verdict(words=f"{name}: {', '.join(measured) or 'nothing was measured'}{warnings}")
        words = f"{len(results)} studies segmented"
        fractions = [facts[_EF] for facts in results.values() if _EF in facts]
        if fractions:
            words += f"; EF {min(fractions):.0f} to {max(fractions):.0f} % in {len(fractions)} of them"
        return Verdict(words=words + (f"; {warned} with a warning" if warned else ""))

    def sections(
        self,
        results: Mapping[str, dict[str, Any]],
        pictures: Mapping[str, Mapping[str, str]],
        viewers: Mapping[str, Viewer],
    ) -> list[Section]:
        warnings = by_reason((text, name) for name, facts in results.items() for text in facts.get("warnings", ()))
        section = Section(title="What was found")
        for warning, names in warnings.items():
            section.text(f"{some(names)}: {warning}.", "warning")
        if any("dicom_seg" in facts for facts in results.values()):
            section.text("The DICOM SEG files hold the patient's name and ids, as their source does.", "warning")
        numbers = {name: _numbers(facts) for name, facts in results.items()}
        keys = list(dict.fromkeys(key for row in numbers.values() for key in row))
        has_ends = any("ef_from" in facts for facts in results.values())
        columns = [Column(name="study"), *(Column(name=key, numeric=True) for key in keys)]
        columns += [Column(name="ED and ES by")] if has_ends else []
        rows = [
            [name, *(_cell(row.get(key)) for key in keys), *([str(results[name].get("ef_from", "-"))] * has_ends)]
            for name, row in numbers.items()
        ]
        table = (columns, rows, "Frames count from 0." if has_ends else "")
        if len(results) > 1:
            section.table(*table)
        for name, files in list(pictures.items())[:_SHOWN]:
            if name in viewers:
                section.viewer(viewers[name])
            elif _OUTLINES in files:
                section.figure(files[_OUTLINES], _CAPTIONS[_OUTLINES].format(name), f"Outlines in {name}")
            if _VOLUMES in files:
                section.figure(files[_VOLUMES], _CAPTIONS[_VOLUMES].format(name), f"Volumes in {name}")
        if len(pictures) > _SHOWN:
            section.text(f"{len(pictures) - _SHOWN} more studies have their pictures in the folder figures.", "note")
        if len(results) == 1:
            section.table(*table)
        return [section]

    @property
    def _written(self) -> dict[str, int]:
        """Class -> its value in the maps."""
        return {name: values[0] for name, values in self._segmenter.settings.labels.items()}

    @property
    def _author(self) -> Author:
        return Author(", ".join(self.models), self.digest(), NOTICE)

    def _measured(self, labels_TIJK: NDArray[Any], label_map: Scan, ends: Ends | None = None) -> Function:
        settings, values = self._segmenter.settings, self._written
        if settings.suffix == ".png":
            return Function(covered(labels_TIJK, values))
        if label_map.spacing_mm is None:
            return Function({}, None, [f"no volumes: {label_map.grid_problem}"])
        voxel = voxel_ml(label_map.affine)
        if settings.cavity is not None and label_map.t_meaning in ("time", "unknown"):
            return function_of(labels_TIJK, values, settings.cavity, voxel, ends)
        of_several = ", largest" if len(labels_TIJK) > 1 else ""
        volumes = {name: volumes_ml(labels_TIJK, (label,), voxel) for name, label in values.items()}
        return Function({f"{name} mL{of_several}": float(volume_T.max()) for name, volume_T in volumes.items()})

    def _curve(self, labels_TIJK: NDArray[Any], label_map: Scan, function: Function) -> bytes | None:
        """The volume of the cavity over the frames; None where there is no EF."""
        cavity, heart = self._segmenter.settings.cavity, function.pumping
        if cavity is None or heart is None:
            return None
        label = self._segmenter.settings.labels[cavity][0]
        volumes_T = volumes_ml(labels_TIJK, (label,), voxel_ml(label_map.affine))
        curve_T = smoothed(volumes_T) if heart.ef_from == SMOOTHED else None
        ends = {"ED": (heart.ed_frame or 0, heart.edv_ml), "ES": (heart.es_frame or 0, heart.esv_ml)}
        return volume_curve(volumes_T, curve_T, ends, cavity)

    def _seen(self, labels_TIJK: NDArray[Any], image: Scan) -> tuple[Viewer, dict[str, bytes]]:
        """The slices and frames of the image under the classes, to look through."""
        t, k = _fullest(labels_TIJK)
        names, stacks = tuple(self._segmenter.settings.labels), ScanStacks.of(image, k)
        numbers = stacks.turned(image, self._numbered(labels_TIJK))
        overlay = classes_stack(numbers, len(names))
        present = [n for n in range(1, len(names) + 1) if (labels_TIJK == self._written[names[n - 1]]).any()]
        return viewer(
            "view",
            [PaneStacks("", stacks.stacks, overlay=overlay)],
            still=f"{_OUTLINES}.png",
            caption="What the model found, over the image. Frames and slices count from 0, as in the file."
            if image.shape[1] * image.shape[4] > 1
            else "What the model found, over the picture.",
            alt=f"The image with the classes {', '.join(names)}",
            choices=stacks.names,
            legend=[(names[n - 1], look(n - 1).colour) for n in present],
            slices=stacks.slices,
            start=(t, stacks.slices.index(k)),
            frame_ms=frame_step_ms(image),
            pixel_aspect=stacks.pixel_aspect,
        )

    def _numbered(self, labels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return labels as class numbers from 1, the background as 0."""
        numbers = np.zeros(labels.shape, np.uint8)
        for number, value in enumerate(self._written.values(), start=1):
            numbers[labels == value] = number
        return numbers

    def _picture(self, labels_TIJK: NDArray[Any], scans: Mapping[str, Scan]) -> bytes | None:
        image = self._segmenter.contract.ordered(scans)[0]
        if not (labels_TIJK > 0).any() or image.shape[1:] != labels_TIJK.shape:
            return None
        t, k = _fullest(labels_TIJK)
        found_JI = self._numbered(labels_TIJK[t, :, :, k].T)
        spacing_mm = image.spacing_mm or (1.0, 1.0, 1.0)
        caption = "" if is_picture(image) else f"slice {k}" if len(labels_TIJK) == 1 else f"frame {t}, slice {k}"
        picture = Outlined(caption, on_screen(image, t, k), None, found_JI, (spacing_mm[1], spacing_mm[0]))
        return outlines([picture], tuple(self._segmenter.settings.labels))


def _fullest(labels_TIJK: NDArray[Any]) -> tuple[int, int]:
    """Return frame and slice with the most labels."""
    sizes_TK = (labels_TIJK > 0).sum((1, 2))
    t, k = np.unravel_index(sizes_TK.argmax(), sizes_TK.shape)
    return int(t), int(k)


def _numbers(measures: Mapping[str, Any]) -> dict[str, float]:
    return {key: value for key, value in measures.items() if isinstance(value, int | float)}


def _spoken(key: str, value: float) -> str:
    """A number with the name before it and the unit behind it.

    Example:
        >>> _spoken("EDV mL", 120.31), _spoken("nucleus pieces", 4), _spoken("lv mL, largest", 80.0)
        ('EDV 120 mL', 'nucleus 4 pieces', 'lv 80 mL, largest')
    """
    name, _, unit = key.partition(" ")
    return f"{name} {value:.3g} {unit}".rstrip()


def _warned(facts: Mapping[str, Any]) -> str:
    """The number of warnings of a study in words."""
    count = len(facts["warnings"])
    return f"{count} warning{'' if count == 1 else 's'}, see below"


def _cell(value: float | None) -> str:
    """Frames are whole numbers, volumes have a decimal."""
    return str(value) if isinstance(value, int) else fixed(value, 1)


def covered(labels_TIJK: NDArray[Any], values: Mapping[str, int]) -> dict[str, float]:
    """Return the share of a picture in percent that each class covers, and its separate pieces (edges touch).

    Example:
        >>> covered(np.array([[1, 0, 1, 0]]).reshape(1, 4, 1, 1), {"nucleus": 1})
        {'nucleus %': 50.0, 'nucleus pieces': 2}
    """
    numbers: dict[str, float] = {}
    for name, value in values.items():
        inside = labels_TIJK == value
        numbers |= {f"{name} %": 100 * float(inside.mean()), f"{name} pieces": int(ndimage.label(inside)[1])}
    return numbers


def function_of(
    labels_TIJK: NDArray[Any], values: Mapping[str, int], cavity: str, voxel_ml: float, ends: Ends | None = None
) -> Function:
    """Measure a label map.

    Args:
        labels_TIJK: the map of all frames.
        values: class -> its value in the map.
        cavity: class whose volume gives the ejection fraction.
        voxel_ml: volume of a voxel.
        ends: frames of end-diastole and end-systole, where they are stated.
    """
    volumes_T = volumes_ml(labels_TIJK, (values[cavity],), voxel_ml)
    frames = len(labels_TIJK)
    warnings = _missing(volumes_T, cavity)
    if frames == 1:
        if volumes_T[0] > EDV_ML[1]:
            warnings.append(f"implausible: {cavity} above {EDV_ML[1]:.0f} mL ({volumes_T[0]:.0f} mL)")
        volumes = {
            f"{name} mL": float(volumes_ml(labels_TIJK, (label,), voxel_ml)[0]) for name, label in values.items()
        }
        return Function(volumes, None, warnings + _pieces(labels_TIJK, values, cavity, {"": 0}))
    stated = None
    if ends is not None and max(ends.frames) >= frames:
        warnings.append(f"{ends.stated_by} names frame {max(ends.frames)} (from 0) of {frames}: it was not used")
    elif ends is not None:
        stated = ends.frames
    if not volumes_T.any() or (stated is not None and not volumes_T[stated[0]]):
        if volumes_T.any():
            warnings.append(f"no {cavity} at the stated end-diastole, so no EF")
        return Function({}, None, warnings)
    heart = pumping(volumes_T, stated)
    ed, es = heart.ed_frame or 0, heart.es_frame or 0
    if heart.ef_from == EXTREMES:
        why = f"{frames} frames" if frames < LEAST_FRAMES else "frames without it"
        warnings.append(f"too few frames for a smoothed curve ({why}): noise makes EF too large")
    warnings += [f"implausible: {kind} ({value})" for kind, value in heart.doubts.items()]
    warnings += _pieces(labels_TIJK, values, cavity, {" at ED": ed, " at ES": es})
    numbers = {"EDV mL": heart.edv_ml, "ESV mL": heart.esv_ml, "ED frame": ed, "ES frame": es, "EF %": heart.ef_percent}
    return Function(numbers, heart, warnings)


def _missing(volumes_T: NDArray[np.floating], cavity: str) -> list[str]:
    """Frames in which the cavity was not found."""
    without = int((volumes_T == 0).sum())
    if not without:
        return []
    return [
        f"no {cavity} was found" + ("" if without == len(volumes_T) else f" in {without} of {len(volumes_T)} frames")
    ]


def _pieces(labels_TIJK: NDArray[Any], values: Mapping[str, int], cavity: str, moments: Mapping[str, int]) -> list[str]:
    ventricles = [name for name in values if name == cavity or name.casefold() in _VENTRICLES]
    counts = {
        f"implausible: {name} in {{}} pieces{words}": pieces(labels_TIJK[t] == values[name])
        for name in ventricles
        for words, t in moments.items()
    }
    return [words.format(count) for words, count in counts.items() if count > 1]
