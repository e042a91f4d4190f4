"""A codec whose results can be worked out by hand, and small cohorts in the ACDC layout."""

import math

import nibabel as nib
import numpy as np

from vesalius.errors import UsageError
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.adapter import Coded, VslCodec
from vesalius.tasks.evaluate.codec.results import Measures, Point, StudyResult

STEPS = tuple(2.0 ** (n / 3) for n in range(28))
"""Sizes of the quantiser's step."""
HEADER = 40
"""Bytes of a file around its tier."""


class FakeCodec(VslCodec):
    """Rounds stored values to multiples of a step; the bytes are what a formula says.

    `shares` gives each coder's bytes as a multiple of the formula; the coder "tokens" has one rate point, and `foreign`
    names one that was trained on another modality.
    """

    foreign = None

    def __init__(self, shares=None):
        self.shares = shares or {"svtav1": 1.0, "x265": 1.25}
        self.calls = []

    def ladder(self, coder):
        if coder not in self.shares:
            raise UsageError(f"no such coder as {coder!r}", where="--coders")
        return STEPS[18:19] if coder == "tokens" else STEPS

    def caveat(self, scan, coder):
        return "trained on another modality" if coder == self.foreign else None

    def lossy(self, scan, coder, step, threads):
        self.calls.append((coder, step))
        stored = scan.stored()
        rounded = np.rint(stored.astype(np.float64) / step) * step
        size = self.size(scan, coder, step)
        return Coded(size, max(1, size - HEADER), 0.2, 0.1, np.rint(rounded).astype(stored.dtype))

    def size(self, scan, coder, step):
        """Half a bit less per voxel for each doubling of the step."""
        return round(self.shares[coder] * math.prod(scan.shape) * 2 * 0.5 / step**0.75)

    def lossless(self, scan, coder, threads):
        if coder == "unable":
            raise UsageError("unable codes up to 8 bits", where="--coder")
        return Coded(math.prod(scan.shape), math.prod(scan.shape) - HEADER, 0.2, 0.1, scan.stored().copy())


def cine(seed=0, shape=(1, 6, 24, 20, 4)):
    """A moving disc with noise, int16 up to about 1000."""
    _, frames, columns, rows, slices = shape
    t, i, j, _ = np.ogrid[:frames, :columns, :rows, :slices]
    radius = 5 + 2 * np.cos(2 * np.pi * t / frames)
    disc = ((i - columns / 2) ** 2 + (j - rows / 2) ** 2 < radius**2) * 600.0
    noise = np.random.default_rng(seed).normal(200, 40, shape)
    return np.clip(noise + disc + np.zeros(shape[1:]), 0, None).astype(np.int16)


def cine_scan(seed=0, **facts):
    return Scan.from_array(cine(seed), np.diag([1.5, 2.0, 8.0, 1.0]), t_meaning="time", **facts)


def replace_pixels(scan, stored):
    return Scan(ArrayPixels(stored), scan.geometry, scan.intensity, t_meaning=scan.t_meaning)


def write_cohort(folder, patients=2, masks=True):
    """ACDC layout: 4D file, ED and ES frames, masks, Info.cfg; gives back the folder."""
    for number in range(1, patients + 1):
        name = f"patient{number:03d}"
        own = folder / name
        own.mkdir(parents=True)
        array = cine(number)[0].transpose(1, 2, 3, 0)
        affine = np.diag([1.5, 2.0, 8.0, 1.0])
        nib.save(nib.Nifti1Image(array, affine), own / f"{name}_4d.nii.gz")
        for frame in (2, 5):
            nib.save(nib.Nifti1Image(array[..., frame - 1], affine), own / f"{name}_frame{frame:02d}.nii.gz")
            if masks:
                mask = np.zeros(array.shape[:3], dtype=np.uint8)
                mask[11:13, 9:11, 1:3] = 3
                nib.save(nib.Nifti1Image(mask, affine), own / f"{name}_frame{frame:02d}_gt.nii.gz")
        (own / "Info.cfg").write_text("ED: 2\nES: 5\nGroup: DCM\nHeight: 180.0\nNbFrame: 6\n")
    return folder


RATIOS = [5.0, 20.0, 80.0, 320.0, 1280.0]


def study(name, *, data_set="cine", shift=0.0, heart=-4.0, share=1.25, exact=(), frames=10):
    """Two coders whose PSNR is a line in the log ratio: 50 dB at 5:1 plus shift, 4 dB less for each doubling."""

    def points(coder, factor):
        for ratio in RATIOS:
            db = 50 + shift - 4 * math.log2(ratio / 5)
            measures = [
                Measures(psnr_db=db + down, ssim=0.5 + (db + down) / 120, max_error=1.0, temporal_error=None)
                for down in (0.0, heart or 0.0)
            ]
            yield Point(
                coder=coder, step=ratio, size_bytes=round(64000 * factor / ratio) + 40,
                tier_bytes=round(64000 * factor / ratio), ratio=ratio / factor, whole=measures[0],
                heart=measures[1] if heart else None, encode_ms=ratio, decode_ms=1.0 + shift,
            )  # fmt: skip

    return StudyResult(
        data_set=data_set, name=name, shape=(1, frames, 10, 10, 10), voxels=1000, source_bytes=1, gzip6_bytes=1,
        peak=1.0,
        heart=((0, 1),) * 3 if heart else None, points=(*points("svtav1", 1.0), *points("x265", share)), exact=exact,
    )  # fmt: skip
