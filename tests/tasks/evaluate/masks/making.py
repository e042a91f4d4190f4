"""Masks for the tests of `evaluate masks`, written with nibabel."""

from pathlib import Path

import nibabel as nib
import numpy as np

AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])
AFFINE[:3, 3] = -40, -30, 10


def write(path: Path, labels, affine=AFFINE) -> Path:
    """A NIfTI mask of (I, J, K) or (I, J, K, T)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(np.asarray(labels, np.uint8), affine)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def heart(radius: int, shift: int = 0):
    """(20, 20, 4): a cavity (3) in a wall (2), beside it an RV (1)."""
    i, j = np.meshgrid(np.arange(20) - 10 - shift, np.arange(20) - 10, indexing="ij")
    square = i**2 + j**2
    labels = np.where(square <= radius**2, 3, np.where(square <= (radius + 2) ** 2, 2, 0))
    labels[:2] = 1
    return np.repeat(labels[..., None], 4, axis=2).astype(np.uint8)
