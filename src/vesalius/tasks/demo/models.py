"""Predictions of the shipped models on phantoms, beside their known truth.

The models need torch, which is an extra; without it this part of the demo says how to install it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vesalius.files import regular
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient
from vesalius.phantom.head_ct.labels import BleedName
from vesalius.phantom.head_ct.options import BleedRequest, HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.phantom.nifti import write_nifti
from vesalius.report.page import FIGURES
from vesalius.report.result import Result
from vesalius.wording import Progress

NEEDS = "torch"
MISSING = (
    "The models of the package need `make nets`, or pip install 'vesalius[nets]'; with it the demo shows them here."
)


@dataclass(frozen=True)
class Example:
    """A model and a phantom for it.

    Args:
        model: name in the zoo.
        title: title of the section.
        study: name of the phantom file.
        make: writes the phantom and returns its truth in words.
    """

    model: str
    title: str
    study: str
    make: Callable[[Path], str]


def _heart(path: Path) -> str:
    patient = cine_patient(CineOptions(seed=1, size=192, frames=16), "heart")
    write_nifti(path, patient.image_TIJK, patient.affine, (patient.frame_ms[1] - patient.frame_ms[0]) / 1000)
    truth = patient.facts["measured"]
    return f"EDV {truth['lv_edv_ml']:.0f} mL, ESV {truth['lv_esv_ml']:.0f} mL, EF {100 * truth['lv_ef']:.0f} %"


def _head(path: Path) -> str:
    bleed = BleedRequest(type=BleedName.INTRAPARENCHYMAL, volume_ml=30)
    study = head_ct_study(HeadCtOptions(seed=3, matrix=160, bleeds=(bleed,)), 0, 0)
    write_nifti(path, study.image_IJK[None], study.affine)
    return f"{bleed.type.value} bleed of {bleed.volume_ml:g} mL"


EXAMPLES = (
    Example("segment/cine_segresnet", "A beating heart, segmented", "heart", _heart),
    Example("detect/head_ct_phantom", "A head CT, searched for blood", "head", _head),
)


def show_models(result: Result, folder: Path, threads: int, progress: Progress) -> None:
    """Predict each example and add a section for it.

    Args:
        result: receives the sections and figures.
        folder: of the report; predictions go below `models`.
        threads: threads of the nets.
        progress: called with one line per example.
    """
    if find_spec(NEEDS) is None:
        progress(MISSING)
        result.section("Models").text(MISSING, tone="note")
        return
    from vesalius.tasks.predict.run import predict

    for example in EXAMPLES:
        progress(example.title)
        (folder / "models").mkdir(exist_ok=True)
        scan, out = folder / "models" / f"{example.study}.nii.gz", folder / "models" / example.study
        truth = example.make(scan)
        predicted = predict(example.model, [scan], out, device="cpu", threads=threads)
        section = result.section(example.title)
        section.text(" ".join(predicted.limits), "warning")
        section.text("A synthetic phantom with known truth: the figure shows that the model runs, not how good it is.")
        section.definitions(
            {"model": example.model, "made with": truth, "found": "; ".join(predicted.summary.values())}
        )
        for picture in sorted((out / FIGURES).glob("*.png")):
            kind = picture.stem.rpartition(".")[2]
            result.figures[f"{example.study}-{kind}.png"] = regular(picture).read_bytes()
            caption = kind.replace("_", " ").replace("-", " ").capitalize() + "."
            section.figure(f"{example.study}-{kind}.png", caption, f"{example.title}: {kind}")
