"""Predictions of the shipped models on phantoms, beside their known truth.

Without torch, which is an extra, the sections show the phantoms with their truth alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.files import regular
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient
from vesalius.phantom.head_ct.labels import BleedName
from vesalius.phantom.head_ct.options import BleedRequest, HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.phantom.nifti import write_nifti
from vesalius.report.overlay import Outlined, outlines
from vesalius.report.page import FIGURES, Figure, Section, Viewer, load_report
from vesalius.report.result import Result
from vesalius.tasks.demo.subjects import shipped_file
from vesalius.wording import Progress

NEEDS = "torch"
MISSING = (
    "The nets need torch: make nets in a checkout, else pip install 'vesalius[nets]'. Until then the sections of the "
    "five systems show what each starts from, and files are compressed as they are with it."
)
HEART, HEAD = "UME: a beating heart, segmented", "MedDINOv3-Stroke: a head CT, searched for blood"
BLOOD_HU = (0.0, 90.0)


@dataclass(frozen=True, eq=False)
class DrawnStudy:
    """A phantom that was written, and its truth.

    Args:
        words: the truth in words.
        drawn: pictures with the outlines of the truth.
        names: of the classes of the outlines.
    """

    words: str
    drawn: tuple[Outlined, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A model and a phantom for it.

    Args:
        model: name in the zoo.
        title: title of the section.
        sentence: what the section shows.
        study: name of the phantom file.
        make: writes the phantom.
    """

    model: str
    title: str
    sentence: str
    study: str
    make: Callable[[Path], DrawnStudy]


def _heart(path: Path) -> DrawnStudy:
    patient = cine_patient(CineOptions(seed=1, size=192, frames=16), "heart")
    write_nifti(path, patient.image_TIJK, patient.affine, (patient.frame_ms[1] - patient.frame_ms[0]) / 1000)
    truth, k = patient.facts["measured"], patient.image_TIJK.shape[3] // 2
    words = f"EDV {truth['lv_edv_ml']:.0f} mL, ESV {truth['lv_esv_ml']:.0f} mL, EF {100 * truth['lv_ef']:.0f} %"
    drawn = tuple(
        _outlined(name, patient.image_TIJK[t, :, :, k].T, patient.labels_TIJK[t, :, :, k].T)
        for name, t in (("end-diastole", 0), ("end-systole", patient.es_frame))
    )
    return DrawnStudy(words, drawn, ("right ventricle", "myocardium", "left ventricle"))


def _head(path: Path) -> DrawnStudy:
    bleed = BleedRequest(type=BleedName.INTRAPARENCHYMAL, volume_ml=30)
    study = head_ct_study(HeadCtOptions(seed=3, matrix=160, bleeds=(bleed,)), 0, 0)
    write_nifti(path, study.image_IJK[None], study.affine)
    top = int(np.argmax((study.mask_IJK > 0).sum((0, 1))))
    slices = sorted({max(0, top - 2), top})
    drawn = tuple(
        _outlined(f"slice {k + 1}", study.image_IJK[..., k].T.clip(*BLOOD_HU), (study.mask_IJK[..., k] > 0).T)
        for k in slices
    )
    return DrawnStudy(f"{bleed.type.value} bleed of {bleed.volume_ml:g} mL", drawn, ("blood",))


def _outlined(caption: str, picture_JI: NDArray[Any], truth_JI: NDArray[Any]) -> Outlined:
    return Outlined(caption, picture_JI.astype(float), None, truth_JI.astype(np.uint8))


EXAMPLES = (
    Example(
        "segment/cine_segresnet", HEART,
        "Ventricles and heart muscle are outlined in every slice and frame, and volumes and ejection fraction follow.",
        "heart", _heart,
    ),
    Example(
        "detect/head_ct_phantom", HEAD,
        "Six findings get a probability, slices a rank, and the most suspicious one a map of what speaks for blood.",
        "head", _head,
    ),
)  # fmt: skip


def show_models(result: Result, folder: Path, threads: int, progress: Progress) -> None:
    """Predict each example and add a section for it.

    Args:
        result: receives the sections and figures.
        folder: of the report; predictions go below `models`.
        threads: threads of the nets.
        progress: called with one line per example.
    """
    (folder / "models").mkdir(exist_ok=True)
    for example in EXAMPLES:
        progress(example.title)
        scan = folder / "models" / f"{example.study}.nii.gz"
        study = example.make(scan)
        section = result.section(example.title).text(example.sentence)
        name = f"{example.study}-truth.png"
        result.figures[name] = outlines(study.drawn, study.names)
        section.figure(name, f"A phantom and its truth: {study.words}.", f"{example.title}: the truth")
        if find_spec(NEEDS) is not None:
            _predicted(result, section, example, study, folder / "models", threads)


def _predicted(
    result: Result, section: Section, example: Example, study: DrawnStudy, folder: Path, threads: int
) -> None:
    """Add what the model says of the phantom."""
    from vesalius.tasks.predict.run import predict

    out = folder / example.study
    predicted = predict(example.model, [folder / f"{example.study}.nii.gz"], out, device="cpu", threads=threads)
    section.text(" ".join(predicted.limits), "warning")
    section.text("A phantom with known truth: the figures show that the model runs, not how good it is.")
    facts = {"model": example.model, "made with": study.words, "found": "; ".join(predicted.summary.values())}
    if example.title == HEAD:
        facts["a real CT of pydicom"] = _refusal(example.model, folder / "refused", threads)
    section.definitions(facts)
    report = load_report(out)
    section.verdict = report.verdict
    for block in (block for part in report.sections for block in part.blocks):
        if isinstance(block, Viewer | Figure):
            section.blocks.append(block)
    result.figures |= {file: regular(out / FIGURES / file).read_bytes() for file in report.figures}


def _refusal(model: str, out: Path, threads: int) -> str:
    """What the model says of a scan that it was not made for: a slice of a body."""
    from vesalius.tasks.predict.run import predict

    scan = shipped_file("pydicom", ("data", "test_files", "CT_small.dcm"))
    predicted = predict(model, [scan], out, device="cpu", threads=threads)
    reasons = "; ".join(failure["reason"] for failure in predicted.failed)
    return f"refused before the model runs: {reasons}" if reasons else "not refused"
