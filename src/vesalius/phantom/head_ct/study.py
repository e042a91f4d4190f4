"""One head CT phantom: image, mask and the truth about them, and the effects of the scanner.

Letters: I columns, J rows, K slices, S samples through a slice, N points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from vesalius.phantom.head_ct.anatomy import Anatomy, draw_anatomy
from vesalius.phantom.head_ct.bleeds import Bleed, draw_bleeds, fill
from vesalius.phantom.head_ct.fields import Points, Values, bump
from vesalius.phantom.head_ct.head import PETROUS_Z, HeadTissue, head_at, hu_of
from vesalius.phantom.head_ct.labels import LABELS, Tissue
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.scan.geometry import Affine
from vesalius.seeding import generator

_RIM_MM = 4.0
"""Width of the oedema around blood in the brain."""
_LOWEST_MM = -62.0
"""Height of the lowest slice in the head's frame."""
_STORED_HU = (-1024, 3071)
"""Smallest and largest value that a scanner stores."""
Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeadCtStudy:
    """A phantom and the truth about it.

    Args:
        image_IJK: HU as stored, int16; i grows to the patient's left, j to the back, k up.
        ideal_IJK: HU before blur, beam hardening, motion and noise, float32.
        mask_IJK: 0 no blood, 1 epidural, 2 intraparenchymal, 3 intraventricular, 4 subarachnoid, 5 subdural.
        tissue_IJK: `Tissue` of the middle of each voxel, before bleeding.
        affine: voxel centre to RAS+ mm.
        labels: the six labels, 0 or 1.
        facts: requested values and those measured from the mask, JSON-able.
    """

    image_IJK: NDArray[np.int16]
    ideal_IJK: NDArray[np.float32]
    mask_IJK: NDArray[np.uint8]
    tissue_IJK: NDArray[np.uint8]
    affine: Affine
    labels: dict[str, int]
    facts: dict[str, Any]


def studies_of(options: HeadCtOptions, patient: int) -> int:
    """Return the number of studies of a patient.

    Example:
        >>> studies_of(HeadCtOptions(studies_per_patient=(2, 2)), patient=0)
        2
    """
    low, high = options.studies_per_patient
    return int(generator(options.seed, "head-ct", patient, "studies").integers(low, high + 1))


def head_ct_study(options: HeadCtOptions, patient: int, study: int = 0) -> HeadCtStudy:
    """Return study number `study` of patient number `patient`, both from 0; it depends only on them and the options."""
    anatomy = draw_anatomy(options, patient)
    random = generator(options.seed, "head-ct", patient, "study", study)
    pixel_mm = float(random.uniform(*options.fov_mm)) / options.matrix
    points = _points(options, pixel_mm, random)
    head = head_at(anatomy, points)
    bleeds = draw_bleeds(options, patient, study)
    shape = (options.subslices, options.slices, options.matrix, options.matrix)
    point_ml = pixel_mm**2 * options.thickness_mm / options.subslices / 1000
    hu_N, owner_N = _with_blood(anatomy, points, head, bleeds, point_ml)
    hu_N += np.float32(options.texture_hu) * anatomy.tissue.at(points) * (head.tissue_N >= Tissue.CSF)
    ideal_IJK = hu_N.reshape(shape).mean(axis=0, dtype=np.float32).transpose(2, 1, 0)
    mask_IJK, measured = _mask(owner_N, shape, bleeds, point_ml * options.subslices)
    image = reconstruct(ideal_IJK + _hardening(options, points, head, shape, random), options, pixel_mm)
    moved = add_motion(image, random, pixel_mm) if random.random() < options.lookalikes.motion else []
    add_noise(image, options, random, pixel_mm)
    present = {bleed.type.value for bleed, ml in zip(bleeds, measured, strict=True) if ml > 0}
    labels = {name: int(bool(present) if name == "any" else name in present) for name in LABELS}
    tissue_IJK = head.tissue_N.reshape(shape)[options.subslices // 2].transpose(2, 1, 0)
    facts = {
        "age_years": round(anatomy.age_years),
        "atrophy": round(anatomy.atrophy, 3),
        "noise_hu": options.noise_hu,
        "calcified": sorted(anatomy.calcified),
        "moved_slices": moved,
        "bleeds": [_bleed_facts(bleed, ml) for bleed, ml in zip(bleeds, measured, strict=True)],
    }
    affine = np.array([[-pixel_mm, 0, 0, 0], [0, -pixel_mm, 0, 0], [0, 0, options.thickness_mm, 0], [0, 0, 0, 1.0]])
    half = (options.matrix - 1) / 2 * pixel_mm
    affine[:3, 3] = half, half, _LOWEST_MM
    image_IJK = np.clip(np.rint(image), *_STORED_HU).astype(np.int16)
    ideal_IJK, tissue_IJK = np.ascontiguousarray(ideal_IJK), np.ascontiguousarray(tissue_IJK)
    return HeadCtStudy(image_IJK, ideal_IJK, mask_IJK, tissue_IJK, affine, labels, facts)


def reconstruct(ideal_IJK: Image, options: HeadCtOptions, pixel_mm: float) -> Image:
    """Apply the blur of the reconstruction kernel to each slice."""
    sigma = options.kernel_mm / pixel_mm
    return gaussian_filter(ideal_IJK, (sigma, sigma, 0), truncate=3) if sigma > 0 else ideal_IJK


def add_motion(image_IJK: Image, random: np.random.Generator, pixel_mm: float) -> list[int]:
    """Blur some neighbouring slices in place, as by a turning head, and return which."""
    slices = image_IJK.shape[2]
    first, count = int(random.integers(0, max(1, slices - 3))), int(random.integers(2, 5))
    moved = list(range(first, min(slices, first + count)))
    way_mm = random.normal(0, 1, 2)
    way = way_mm / max(1e-6, float(np.linalg.norm(way_mm))) * random.uniform(2, 5) / pixel_mm
    for k in moved:
        picture = image_IJK[..., k]
        ghosts = [shift(picture, way * share, order=1, mode="nearest") for share in (-0.5, 0.0, 0.5)]
        image_IJK[..., k] = np.mean(ghosts, axis=0)
    return moved


def add_noise(image_IJK: Image, options: HeadCtOptions, random: np.random.Generator, pixel_mm: float) -> None:
    """Add noise of the requested standard deviation in place, correlated within each slice."""
    noise = random.standard_normal(image_IJK.shape, dtype=np.float32)
    sigma = options.noise_kernel_mm / pixel_mm
    if sigma > 0:
        noise = gaussian_filter(noise, (sigma, sigma, 0), truncate=3)
        noise /= noise.std()
    image_IJK += np.float32(options.noise_hu) * noise


def _points(options: HeadCtOptions, pixel_mm: float, random: np.random.Generator) -> Points:
    """Return all points in the head's frame, in the order S, K, J, I: slice by slice, and through each slice."""
    half = (options.matrix - 1) / 2
    across = ((half - np.arange(options.matrix)) * pixel_mm).astype(np.float32)
    through = (np.arange(options.subslices) + 0.5) / options.subslices - 0.5
    heights = _LOWEST_MM + options.thickness_mm * (np.arange(options.slices) + through[:, None])  # S, K
    turn = _turn(np.radians(random.normal(0, options.tilt_degrees * np.array([0.7, 0.5, 1.0])))).astype(np.float32)
    shift_mm = random.normal(0, [3, 3, 4])
    x, y, z = across[None, None, :], across[None, :, None], heights.ravel().astype(np.float32)[:, None, None]
    rows = [
        (turn[row, 0] * x + turn[row, 1] * y + turn[row, 2] * z + np.float32(shift_mm[row])).ravel() for row in range(3)
    ]
    return Points(rows[0], rows[1], rows[2])


def _turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _with_blood(
    anatomy: Anatomy, points: Points, head: HeadTissue, bleeds: list[Bleed], point_ml: float
) -> tuple[Values, NDArray[np.uint8]]:
    """Return the HU of every point, and the bleed (from 1, in the order of the list) that it belongs to."""
    hu_N = hu_of(anatomy, head.tissue_N)
    owner_N = np.zeros(len(points), np.uint8)
    for number, bleed in enumerate(bleeds, start=1):
        taken = fill(bleed, anatomy, points, head, point_ml)
        taken = taken[owner_N[taken] == 0]
        if bleed.type.value == "intraparenchymal":
            _swell(hu_N, anatomy, points, head, bleed, point_ml)
        owner_N[taken] = number
    for number, bleed in enumerate(bleeds, start=1):
        hu_N[owner_N == number] = np.float32(bleed.hu)
    return hu_N, owner_N


def _swell(hu_N: Values, anatomy: Anatomy, points: Points, head: HeadTissue, bleed: Bleed, point_ml: float) -> None:
    radius = (bleed.volume_ml * 1000 * 3 / (4 * np.pi)) ** (1 / 3)
    grown = replace(bleed, volume_ml=bleed.volume_ml * ((radius + _RIM_MM) / radius) ** 3)
    rim = fill(grown, anatomy, points, head, point_ml)
    rim = rim[np.isin(head.tissue_N[rim], (Tissue.WHITE, Tissue.DEEP_GREY, Tissue.GREY))]
    hu_N[rim] = np.float32(anatomy.hu[Tissue.OEDEMA])


def _mask(
    owner_N: NDArray[np.uint8], shape: tuple[int, int, int, int], bleeds: list[Bleed], voxel_ml: float
) -> tuple[NDArray[np.uint8], list[float]]:
    """Return the mask, where each bleed takes the voxels with most blood up to its volume, and the volumes in mL."""
    owner = owner_N.reshape(shape)
    mask = np.zeros(shape[1:], np.uint8)
    measured = []
    for number, bleed in enumerate(bleeds, start=1):
        share = (owner == number).mean(axis=0, dtype=np.float32)
        count = min(round(float(share.sum())), int((share > 0).sum()))
        if count:
            largest = np.argpartition(-share.ravel(), count - 1)[:count]
            free = largest[mask.ravel()[largest] == 0]
            mask.ravel()[free] = bleed.type.mask_value
            measured.append(len(free) * voxel_ml)
        else:
            measured.append(0.0)
    return np.ascontiguousarray(mask.transpose(2, 1, 0)), measured


def _hardening(
    options: HeadCtOptions,
    points: Points,
    head: HeadTissue,
    shape: tuple[int, int, int, int],
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Return brighter brain beneath the skull, and dark and bright streaks between the petrous bones."""
    inside = head.depth_N > 0
    extra = np.where(inside, np.float32(options.cupping_hu) * np.exp(-head.depth_N / np.float32(9)), np.float32(0))
    if random.random() < options.lookalikes.streaks:
        height = bump(points.z - np.float32(PETROUS_Z), 7.0)
        wave = np.cos((points.y + 8) * np.float32(2 * np.pi / 17)) * bump(points.y + 8, 16.0)
        between = bump(points.x, 30.0)
        extra -= np.float32(options.streak_hu) * height * wave * between * inside
    return extra.reshape(shape).mean(axis=0, dtype=np.float32).transpose(2, 1, 0)


def _bleed_facts(bleed: Bleed, measured_ml: float) -> dict[str, Any]:
    return {
        "type": bleed.type.value,
        "pattern": bleed.pattern,
        "side": "right" if bleed.side > 0 else "left",
        "requested_ml": round(bleed.volume_ml, 3),
        "measured_ml": round(measured_ml, 3),
        "no_room": measured_ml < 0.9 * bleed.volume_ml,
        "hu": round(bleed.hu, 2),
    }
