"""What nibabel gives for a NIfTI file, in the order of a Scan; for comparison only."""

import logging
import warnings

import nibabel as nib
import numpy as np


def reference(path):
    """(stored, real) values of shape (C, T, I, J, K); real is None for RGB, or where nothing is scaled."""
    nib.imageglobals.logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = nib.load(path)
        if not isinstance(image, nib.Nifti1Pair):
            image = nib.Nifti2Image.from_filename(path)
        stored = np.asanyarray(image.dataobj.get_unscaled())
        real = None if stored.dtype.names else np.asanyarray(image.dataobj)
    return in_order(stored), None if real is None else in_order(real)


def in_order(array):
    """(i, j, k, t, further axes) to (C, T, I, J, K); colours are the fastest part of C."""
    five = array.reshape((*array.shape, *[1] * max(0, 4 - array.ndim)), order="F")
    five = five.reshape((*five.shape[:4], -1), order="F")
    if array.dtype.names:
        planes = [five[name][..., plane] for plane in range(five.shape[4]) for name in array.dtype.names]
        return np.stack([plane.transpose(3, 0, 1, 2) for plane in planes])
    return five.transpose(4, 3, 0, 1, 2)
