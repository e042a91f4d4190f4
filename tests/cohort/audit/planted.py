"""A sound cohort, and faults to plant in it. Each fault says which code finds it and which cases the line names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

SPLITS = ("train", "train", "train", "val", "val", "test", "test", "train", "train", "train")


def sound(folder: Path) -> list[dict]:
    """Ten volumes with masks, two patients' worth of everything in each split, nothing wrong."""
    rows = []
    for n, split in enumerate(SPLITS):
        draw = np.random.default_rng(n)
        image = np.round(draw.normal(500, 100, (20, 18, 12))).astype(np.int16)
        mask = np.zeros(image.shape, np.uint8)
        mask[4:9, 5:10, 3:8] = 1 + n % 2
        write(folder / f"i{n}.nii.gz", image)
        write(folder / f"m{n}.nii.gz", mask)
        rows.append(
            {
                "id": f"c{n}",
                "patient": f"patient {n}",
                "study": f"study {n}",
                "images": {"image": f"i{n}.nii.gz"},
                "masks": {"mask": f"m{n}.nii.gz"},
                "labels": {"any": n % 2, "epidural": n % 2},
                "caption": "a volume",
                "split": split,
            }
        )
    return rows


def write(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> None:
    nib.save(nib.Nifti1Image(array, np.diag([2.0, 2, 3, 1]) if affine is None else affine), path)


def manifest(folder: Path, rows: list) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


@dataclass(frozen=True)
class Fault:
    """A fault: how it is planted, the code of the line that tells it, the cases that the line names."""

    plant: Callable[[Path, list], None]
    code: str
    names: tuple[str, ...]
    level: str = "error"


def pixels(folder: Path, n: int) -> np.ndarray:
    return np.asarray(nib.load(folder / f"i{n}.nii.gz").dataobj)


def _bad_line(folder, rows):
    rows.append('{"id": "c10", "patiant": "x", "images": {"image": "i0.nii.gz"}}')


def _same_id(folder, rows):
    rows[4] = {**rows[4], "id": "c0"}


def _patient_in_two_splits(folder, rows):
    rows[5]["patient"] = rows[0]["patient"]


def _study_in_two_splits(folder, rows):
    rows[5]["study"] = rows[0]["study"]


def _patient_in_two_folds(folder, rows):
    for n, row in enumerate(rows):
        row["fold"] = n % 3
    rows[1]["patient"] = rows[0]["patient"]


def _look_alike_patients(folder, rows):
    rows[0]["patient"], rows[5]["patient"] = "P-007", "p7"


def _same_file_twice(folder, rows):
    rows[2]["images"] = {"image": "./i1.nii.gz"}


def _no_split(folder, rows):
    del rows[3]["split"]


def _mask_is_image(folder, rows):
    rows[6]["masks"] = {"mask": "i6.nii.gz"}


def _frame_without_mask(folder, rows):
    rows[6]["frames"] = {"ED": 0}


def _labels_contradict(folder, rows):
    rows[2]["labels"] = {"any": 0, "epidural": 1}


def _one_sided_class(folder, rows):
    for n in (3, 4):
        rows[n]["labels"] = {"any": 1, "epidural": 1}


def _prevalence_differs(folder, rows):
    for n in range(60):
        positive = int(n < 30)
        rows.append(
            {
                "id": f"d{n}",
                "patient": f"d{n}",
                "images": {"image": f"d{n}.nii.gz"},
                "masks": {"mask": "none"},
                "labels": {"any": positive, "epidural": positive},
                "caption": "x",
                "split": "train" if positive else "test",
            }
        )


def _missing_image(folder, rows):
    (folder / "i4.nii.gz").unlink()
    del rows[4]["masks"]


def _mask_without_image(folder, rows):
    (folder / "i4.nii.gz").unlink()


def _missing_mask(folder, rows):
    (folder / "m4.nii.gz").unlink()


def _empty_file(folder, rows):
    (folder / "m4.nii.gz").write_bytes(b"")


def _unreadable_image(folder, rows):
    path = folder / "i1.nii.gz"
    path.write_bytes(path.read_bytes()[:2000])


def _unreadable_mask(folder, rows):
    (folder / "m1.nii.gz").write_bytes(b"this is no image")


def _not_finite(folder, rows):
    image = pixels(folder, 2).astype(np.float32)
    image[3, 4, 5] = np.nan
    write(folder / "i2.nii.gz", image)


def _constant_image(folder, rows):
    write(folder / "i2.nii.gz", np.full((20, 18, 12), 7, np.int16))


def _mask_size(folder, rows):
    write(folder / "m3.nii.gz", np.ones((20, 18, 11), np.uint8))


def _mask_moved(folder, rows):
    affine = np.diag([2.0, 2, 3, 1])
    affine[0, 3] = 2
    write(folder / "m3.nii.gz", np.asarray(nib.load(folder / "m3.nii.gz").dataobj), affine)


def _second_image_differs(folder, rows):
    write(folder / "t2.nii.gz", np.random.default_rng(99).random((10, 9, 6)).astype(np.float32))
    rows[3]["images"]["t2"] = "t2.nii.gz"


def _frame_out_of_range(folder, rows):
    rows[3]["frames"] = {"mask": 1}


def _mask_not_labels(folder, rows):
    write(folder / "m5.nii.gz", np.full((20, 18, 12), 0.5, np.float32))


def _empty_mask(folder, rows):
    write(folder / "m5.nii.gz", np.zeros((20, 18, 12), np.uint8))


def _same_pixels(folder, rows):
    write(folder / "i6.nii.gz", pixels(folder, 0).astype(np.float32))  # another type and compression, same values


def _near_duplicate(folder, rows):
    noise = np.random.default_rng(1).normal(0, 5, (20, 18, 12))
    write(folder / "i6.nii.gz", np.round(pixels(folder, 0) * 1.2 + 30 + noise).astype(np.int16))


def _other_labels(folder, rows):
    write(folder / "i1.nii.gz", pixels(folder, 0))


def _spacing(folder, rows):
    for name in ("i8", "m8"):
        array = np.asarray(nib.load(folder / f"{name}.nii.gz").dataobj)
        write(folder / f"{name}.nii.gz", array, np.diag([2.0, 2, 30, 1]))


def _channels(folder, rows):
    draw = np.random.default_rng(5)
    Image.fromarray(draw.integers(0, 255, (18, 20, 3)).astype(np.uint8)).save(folder / "rgb.png")
    rows.append({**rows[9], "id": "c10", "patient": "new", "study": "new", "images": {"image": "rgb.png"}})
    del rows[-1]["masks"]


def _rare_value(folder, rows):
    for n in range(10, 30):
        draw = np.random.default_rng(n)
        write(folder / f"i{n}.nii.gz", draw.normal(500, 100, (20, 18, 12)).astype(np.int16))
        rows.append(
            {**rows[n % 2], "id": f"c{n}", "patient": f"q{n}", "study": f"q{n}", "images": {"image": f"i{n}.nii.gz"}}
        )
    mask = np.asarray(nib.load(folder / "m9.nii.gz").dataobj).copy()
    mask[0, 0, 0] = 9
    write(folder / "m9.nii.gz", mask)


FAULTS = {
    "a line with a wrong key": Fault(_bad_line, "bad-line", ("line 11", "did you mean 'patient'")),
    "an id twice": Fault(_same_id, "bad-line", ("line 5", "line 1")),
    "a patient in two splits": Fault(_patient_in_two_splits, "patient-in-two-splits", ("c0", "c5")),
    "a study in two splits": Fault(_study_in_two_splits, "study-in-two-splits", ("c0", "c5")),
    "a patient in two folds": Fault(_patient_in_two_folds, "patient-in-two-folds", ("c0", "c1")),
    "one patient spelled in two ways": Fault(_look_alike_patients, "look-alike-patients", ("c0", "c5"), "warning"),
    "a file used twice": Fault(_same_file_twice, "same-file-twice", ("c1", "c2")),
    "a case outside all splits": Fault(_no_split, "no-split", ("c3",), "warning"),
    "an image given as its mask": Fault(_mask_is_image, "mask-is-image", ("c6",)),
    "a frame of no mask": Fault(_frame_without_mask, "frame-without-mask", ("c6", "ED")),
    "labels against each other": Fault(_labels_contradict, "labels-contradict", ("c2",)),
    "a class with one value": Fault(_one_sided_class, "one-sided-class", ("only positives", "val"), "warning"),
    "another prevalence": Fault(_prevalence_differs, "prevalence-differs", ("any", "train", "test"), "warning"),
    "an image that is not there": Fault(_missing_image, "missing-image", ("c4",)),
    "a mask without its image": Fault(_mask_without_image, "mask-without-image", ("c4",)),
    "a mask that is not there": Fault(_missing_mask, "missing-mask", ("c4", "does not exist")),
    "an empty file": Fault(_empty_file, "missing-mask", ("c4", "empty file")),
    "an image cut short": Fault(_unreadable_image, "unreadable-image", ("c1",)),
    "a mask that is no image": Fault(_unreadable_mask, "unreadable-mask", ("c1",)),
    "a NaN": Fault(_not_finite, "not-finite", ("c2", "1 NaN")),
    "a constant image": Fault(_constant_image, "constant-image", ("c2",)),
    "a mask of another size": Fault(_mask_size, "mask-grid-differs", ("c3", "20x18x11", "20x18x12")),
    "a mask in another place": Fault(_mask_moved, "mask-grid-differs", ("c3", "2 mm")),
    "modalities of two sizes": Fault(_second_image_differs, "image-grid-differs", ("c3", "t2", "10x9x6")),
    "a frame that the image lacks": Fault(_frame_out_of_range, "frame-out-of-range", ("c3", "frame 1")),
    "a mask of probabilities": Fault(_mask_not_labels, "mask-not-labels", ("c5",)),
    "a mask without a finding": Fault(_empty_mask, "empty-mask", ("c5",), "warning"),
    "the same pixels in two splits": Fault(_same_pixels, "same-pixels", ("c0 (train)", "c6 (test)")),
    "nearly the same pixels": Fault(_near_duplicate, "near-duplicate", ("c0 (train)", "c6 (test)"), "warning"),
    "the same pixels with other labels": Fault(_other_labels, "same-pixels", ("c0", "c1", "other labels")),
    "an odd spacing": Fault(_spacing, "spacing-outlier", ("c8",), "warning"),
    "colour among grey": Fault(_channels, "mixed-channels", ("c10",), "warning"),
    "a label value of one mask": Fault(_rare_value, "rare-mask-value", ("c9", "value 9"), "warning"),
}
"""What is wrong -> how it is planted and told."""
