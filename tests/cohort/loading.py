"""A small cohort on disk, and steps as simple as the loader allows."""

from dataclasses import dataclass, field, replace
from typing import Any

import nibabel as nib
import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort


def make_cohort(root, count=6, shape=(6, 5, 4)):
    """Cases c0, c1, ... with an image, another modality, a mask and a label (not of every third one)."""
    root.mkdir(parents=True, exist_ok=True)
    cases = []
    for n in range(count):
        values = values_of(n, shape)
        for name, array in (("a", values), ("b", values * 2), ("m", (values % 3).astype(np.uint8))):
            nib.save(nib.Nifti1Image(array, np.diag([1.0, 1, 2, 1])), root / f"{name}{n}.nii.gz")
        labels = {} if n % 3 == 2 else {"sick": n % 2, "old": 1 - n % 2}
        images, masks = {"image": f"a{n}.nii.gz", "other": f"b{n}.nii.gz"}, {"mask": f"m{n}.nii.gz"}
        cases.append(Case(id=f"c{n}", images=images, masks=masks, labels=labels))
    return Cohort(tuple(cases), root)


def values_of(n, shape=(6, 5, 4)):
    return np.random.default_rng(n).integers(0, 1000, shape).astype(np.int16)


@dataclass
class Made:
    image: Any
    masks: Any


@dataclass
class Scaled:
    """Real values times a number, float32; counts how many cases it has prepared."""

    factor: float = 1.0
    calls: list = field(default_factory=list)

    def sample(self, scans, masks, /):
        self.calls.append(1)
        image = np.concatenate([scan.values() * np.float32(self.factor) for scan in scans])[:, 0]
        return Made(image, {name: mask.stored()[:, 0] for name, mask in masks.items()})

    def digest(self):
        return f"scaled {self.factor}"


class Shifted:
    """A random number is added; the mask is turned round in half of the cases."""

    def draw(self, generator):
        return float(generator.normal()), bool(generator.random() < 0.5)

    def apply_to(self, sample, params):
        shift, turned = params
        masks = {name: mask[:, ::-1] if turned else mask for name, mask in sample.masks.items()}
        return replace(sample, image=sample.image + np.float32(shift), masks=masks)
