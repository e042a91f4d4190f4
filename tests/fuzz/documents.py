"""Sound documents beside the scans: manifests, a table of series, a configuration of a run, a model folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from fuzz.formats import Specimen
from vesalius.cohort.builders.series import read_series
from vesalius.cohort.case import Box, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.config import load_config, read_table

_CONFIG = """\
task: segment
data: {images: [image], labels: {tumour: [1]}, manifest: m.jsonl}
patch: [16, 16, 16]
augment:
  - {name: flip, axes: IJK}
  - {name: sometimes, p: 0.3, transform: {name: affine, axes: IJK, degrees: 15, scale: [0.85, 1.18]}}
batch: 2
net: {name: unet, dims: 3, inputs: 1, outputs: 2, channels: [4, 8]}
train: {epochs: 3, optimizer: {name: adamw, lr: 0.001}, schedule: {name: cosine, warmup_steps: 5}, best: dice}
"""


def every(folder: Path) -> list[Specimen]:
    """All of them."""
    cases = tuple(
        Case(
            id=f"case-{n}",
            patient=f"patient {n // 2}",
            images={"image": f"{n}.nii"},
            masks={"mask": f"{n}-mask.nii"},
            labels={"any": float(n % 2)},
            boxes=(Box(label="disc", left=0.1, top=0.2, right=0.5, bottom=0.6),),
            facts={"age": 40 + n},
            split="train",
        )
        for n in range(4)
    )
    files = {}
    for name in ("m.jsonl", "m.csv"):
        write_manifest(Cohort(cases, folder), folder / name, force=True)
        files[name] = (folder / name).read_bytes()
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), "i2"), np.eye(4)), folder / "a.nii")
    rows = "".join(f"{n}.nii,s{n},p{n // 2},{n % 2},0\n" for n in range(4))
    series = f"nifti_path,study_uid,patient_id,any,epidural\n{rows}".encode()
    specimens = [Specimen(f"manifest {name[2:]}", {name: data}, name, name) for name, data in files.items()]
    scan = (folder / "a.nii").read_bytes()
    return [
        *specimens,
        Specimen("table of series", {"t.csv": series, **{f"{n}.nii": scan for n in range(4)}}, "t.csv", "t.csv"),
        Specimen("run configuration", {"c.yaml": _CONFIG.encode()}, "c.yaml", "c.yaml"),
        *_models(folder),
    ]


def _models(folder: Path) -> list[Specimen]:
    from vesalius.nets.unet import UNet
    from vesalius.weights.saved import ModelConfig, save_pretrained

    net = UNet(dims=2, inputs=1, outputs=2, channels=(4, 8))
    save_pretrained(folder, {"net": net.make()}, ModelConfig.of("segment", {"net": net}))
    files = {name: (folder / name).read_bytes() for name in ("config.json", "net.safetensors")}
    return [Specimen(f"model {name}", files, ".", name) for name in files]


def reader_of(path: Path) -> Callable[[Path], Any] | None:
    """What reads a document, or None for a scan."""
    if path.is_dir():
        return _model if (path / "config.json").exists() else None
    return {".jsonl": _manifest, ".csv": _manifest if path.stem == "m" else _series, ".yaml": _config}.get(path.suffix)


def _manifest(path: Path) -> Any:
    return [case.model_dump(mode="json") for case in read_manifest(path)]


def _series(path: Path) -> Any:
    cohort, bad, _ = read_series(path)
    return [case.model_dump(mode="json") for case in cohort], [str(error) for error in bad]


def _config(path: Path) -> Any:
    from vesalius.tasks.train.jobs import job_class

    config = job_class(read_table(path).get("task")).Config
    return json.loads(load_config(config, path).model_dump_json())


def _model(path: Path) -> Any:
    from vesalius.weights.saved import from_pretrained

    loaded = from_pretrained(path)
    tensors = {name: value.numpy().tobytes() for name, value in loaded.net.state_dict().items()}
    return loaded.config.model_dump(mode="json"), tensors
