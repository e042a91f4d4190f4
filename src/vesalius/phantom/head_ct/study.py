"""One head CT phantom: image, mask and the truth about them.

Letters: I columns, J rows, K slices, S samples through a slice, N points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.head_ct.anatomy import Anatomy, draw_anatomy
from vesalius.phantom.head_ct.bleeds import Bleed, draw_bleeds, fill
from vesalius.phantom.head_ct.fields import Points, Values, bump
from vesalius.phantom.head_ct.head import PETROUS_Z, HeadTissue, head_at, hu_of, texture
from vesalius.phantom.head_ct.labels import LABELS, Tissue
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.scanner import add_motion, add_noise, reconstruct, to_stored
from vesalius.scan.geometry import Affine
from vesalius.seeding import generator

_RIM_MM = 4.0
"""Width of the oedema around blood in the brain."""
_LOWEST_MM = -62.0
"""Height of the lowest slice in the head's frame."""


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
    grid, to_head = _grid(options, pixel_mm, random)
    points = _points(grid, to_head)
    head = head_at(anatomy, points)
    bleeds = draw_bleeds(options, patient, study)
    shape = (options.subslices, options.slices, options.matrix, options.matrix)
    point_ml = pixel_mm**2 * options.thickness_mm / options.subslices / 1000
    hu_N, owner_N = _with_blood(anatomy, points, head, bleeds, point_ml)
    hu_N += np.float32(options.texture_hu) * texture(anatomy, points) * (head.tissue_N >= Tissue.CSF)
    ideal_IJK = _to_volume(hu_N, shape).mean(axis=0, dtype=np.float32).transpose(2, 1, 0)
    mask_IJK, measured = _mask(owner_N, shape, bleeds, point_ml * options.subslices)
    image = reconstruct(ideal_IJK + _hardening(options, points, head, shape, random), options, pixel_mm)
    moved = add_motion(image, random, pixel_mm) if random.random() < options.lookalikes.motion else []
    add_noise(image, options, random, pixel_mm)
    present = {bleed.type.value for bleed, ml in zip(bleeds, measured, strict=True) if ml > 0}
    labels = {name: int(bool(present) if name == "any" else name in present) for name in LABELS}
    tissue_IJK = _to_volume(head.tissue_N, shape)[options.subslices // 2].transpose(2, 1, 0)
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
    return HeadCtStudy(
        to_stored(image),
        np.ascontiguousarray(ideal_IJK),
        mask_IJK,
        np.ascontiguousarray(tissue_IJK),
        affine,
        labels,
        facts,
    )


def _grid(
    options: HeadCtOptions, pixel_mm: float, random: np.random.Generator
) -> tuple[tuple[Values, Values, Values], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return positions along x, y and z (slice by slice, through each slice), and rotation and shift into the head."""
    half = (options.matrix - 1) / 2
    across = ((half - np.arange(options.matrix)) * pixel_mm).astype(np.float32)
    through = (np.arange(options.subslices) + 0.5) / options.subslices - 0.5
    heights = _LOWEST_MM + options.thickness_mm * (np.arange(options.slices) + through[:, None])  # S, K
    angles = np.radians(random.normal(0, options.tilt_degrees * np.array([0.7, 0.5, 1.0])))
    shift_mm = random.normal(0, [3, 3, 4])
    return (across, across, heights.ravel().astype(np.float32)), (_turn(angles), shift_mm)


def _turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _points(grid: tuple[Values, Values, Values], to_head: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Points:
    """Return all points in the head's frame, in the order S, K, J, I."""
    x, y, z = grid
    turn, shift_mm = to_head
    turn32 = turn.astype(np.float32)
    zz, yy, xx = z[:, None, None], y[None, :, None], x[None, None, :]
    rows = [
        (turn32[row, 0] * xx + turn32[row, 1] * yy + turn32[row, 2] * zz + np.float32(shift_mm[row])).ravel()
        for row in range(3)
    ]
    return Points(rows[0], rows[1], rows[2])


def _to_volume(values_N: NDArray[Any], shape: tuple[int, int, int, int]) -> NDArray[Any]:
    return values_N.reshape(shape)


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
        hu_N[taken] = np.float32(bleed.hu)
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
    owner = _to_volume(owner_N, shape)
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
    return _to_volume(extra, shape).mean(axis=0, dtype=np.float32).transpose(2, 1, 0)


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
