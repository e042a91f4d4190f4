"""Small things for tests of detection: a random encoder, studies that are told apart by a bright ball."""

from pathlib import Path

import numpy as np
import torch

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.nets.aggregate import TopK
from vesalius.nets.head import StudyHead
from vesalius.nets.vit import ViT
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.detect.settings import DetectSettings, EncoderFacts
from vesalius.tasks.detect.studies import Studies, Vectors
from vesalius.tasks.encode.encoder import Encoder
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.prepare import Prepare
from vesalius.weights.saved import ModelConfig, save_pretrained

NET = ViT(size="tiny", depth=1)
AFFINE = np.diag([8.0, 8.0, 5.0, 1.0])
STEPS = (
    {"name": "standardize", "clip": [-1000, 1000], "mean": [65.0], "std": [178.0]},
    {"name": "resize", "size": [32, 32]},
    {"name": "repeat", "channels": 3},
)


def prepare(steps=STEPS):
    return Prepare.build(layout="BCJI", plane="axial", steps=steps)


def make_encoder(folder: Path, seed=0, config=NET) -> Path:
    """A model folder with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    net = config.make()
    with torch.no_grad():
        for name, one in net.named_parameters():  # as initialized, hardly anything of the image reaches the class token
            if "gamma_" in name:
                one.fill_(1.0)
    save_pretrained(folder, {"encoder": net}, ModelConfig.of("encode", {"encoder": config}))
    write_contract(InputContract(prepare=prepare()), folder)
    return folder


def head(seed, bleeds):
    """HU of 24 x 24 x 6 voxels: a round head, and in some slices something bright."""
    draw = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(24), np.arange(24), indexing="ij")
    inside = (i - 11.5) ** 2 + (j - 11.5) ** 2 < 100
    image = np.where(inside[..., None], 35.0, -1000.0) + draw.normal(0, 4, (24, 24, 6))
    if bleeds:
        at = draw.integers(1, 4)
        image[8:15, 7:13, at : at + 2] = 900.0
    return np.rint(image).astype(np.int16)


def make_cohort(folder: Path, patients=12, per_patient=2) -> Path:
    """Writes a cohort of studies, every other patient bleeds; returns its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for patient in range(patients):
        for study in range(per_patient):
            name, bleeds = f"p{patient:02d}s{study}", patient % 2
            write_nifti(folder / f"{name}.nii.gz", head(100 * patient + study, bleeds)[None], AFFINE)
            labels = {"any": float(bleeds), "subdural": float(bleeds and patient % 4 == 1)}
            cases.append(
                Case(
                    id=name,
                    images={"image": f"{name}.nii.gz"},
                    patient=f"p{patient}",
                    study=name,
                    labels=labels,
                )
            )
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


def make_model(folder: Path, *, check="none", classes=("any", "subdural"), aggregate=None, seed=0, **changed) -> Path:
    """A model folder of the task "detect": a random head on a random encoder."""
    encoder = Encoder.from_pretrained(make_encoder(folder, seed))
    facts = EncoderFacts(name="tiny", digest=encoder.digest(), precision="fp32")
    settings = DetectSettings(classes=classes, images=("image",), check=check, encoder=facts, **changed)
    torch.manual_seed(seed)
    net = StudyHead(inputs=192, outputs=len(classes), hidden=8, aggregate=aggregate or TopK(k=2))
    parts = {"encoder": encoder.part, "head": net.make()}
    save_pretrained(folder, parts, ModelConfig.of("detect", {"encoder": NET, "head": net}, settings))
    temperatures, thresholds = (2.0,) * len(classes), (*(0.5,) * (len(classes) - 1), None)
    Calibration(classes=classes, temperatures=temperatures, thresholds=thresholds, specificity=0.9, samples=30).write(
        folder
    )
    return folder


def random_studies(count, *, ragged=False, seed=0, patients=None):
    """Studies of 4 numbers and 2 classes; the first number tells the first class."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 5, count) if ragged else np.ones(count, int)
    rows = np.split(np.arange(lengths.sum()), np.cumsum(lengths)[:-1])
    labels = (draw.random((count, 2)) < 0.5).astype(np.float32)
    x = draw.normal(size=(lengths.sum(), 4)).astype(np.float32)
    x[:, 0] += 2 * np.repeat(labels[:, 0], lengths)
    items = np.concatenate([np.arange(length) for length in lengths])
    ids = tuple(f"s{n}" for n in range(count))
    who = tuple((name, True) for name in (patients or [f"p{n}" for n in range(count)]))
    of_case = {f"{one} case": own for one, own in zip(ids, rows, strict=True)}
    return Studies(ids, who, tuple(rows), Vectors(x, of_case, items), labels)
