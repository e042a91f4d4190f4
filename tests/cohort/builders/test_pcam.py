import h5py
import numpy as np
import pytest

from vesalius.cohort.build import build_cohort
from vesalius.cohort.read import open_image
from vesalius.errors import InputError

COUNTS = {"train": 5, "valid": 3, "test": 2}
DRAW = np.random.default_rng(0)


def write(folder, split, pictures, labels, slides=None):
    start = folder / f"camelyonpatch_level_2_split_{split}"
    with h5py.File(f"{start}_x.h5", "w") as file:
        file.create_dataset("x", data=pictures, chunks=(1, *pictures.shape[1:]), compression="gzip")
    with h5py.File(f"{start}_y.h5", "w") as file:
        file["y"] = labels
    if slides is not None:
        lines = [f"{n},{8 * n},{9 * n},True,True,{slide}" for n, slide in enumerate(slides)]
        text = "\n".join([",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi", *lines])
        (folder / f"{start.name}_meta.csv").write_text(text + "\n")


@pytest.fixture
def folder(tmp_path):
    for split, count in COUNTS.items():
        pictures = DRAW.integers(0, 256, (count, 96, 96, 3)).astype(np.uint8)
        slides = [f"slide_{split}_{n // 2}" for n in range(count)] if split != "test" else None
        write(tmp_path, split, pictures, np.arange(count).reshape(-1, 1, 1, 1) % 2, slides)
    return tmp_path


def test_every_picture_is_a_case_of_its_split(folder):
    cohort = build_cohort("pcam", folder)
    assert cohort.splits == {"train": 5, "val": 3, "test": 2}
    second = cohort.cases[1]
    assert (second.id, second.patient, second.labels) == ("train-000001", "slide_train_0", {"metastasis": 1})
    assert second.facts == {"coord_x": 9, "coord_y": 8}
    assert cohort.cases[-1].patient is None
    assert cohort.notes == ("patients unknown without the meta file: test; each picture counts as its own",)
    with h5py.File(folder / "camelyonpatch_level_2_split_valid_x.h5") as file:
        expected = file["x"][2]
    scan = open_image(cohort, cohort.cases[7], "image")
    assert (scan.shape, scan.colour) == ((3, 1, 96, 96, 1), "rgb")
    np.testing.assert_array_equal(scan.stored()[:, 0, :, :, 0], expected.transpose(2, 1, 0))
    assert build_cohort("auto", folder).notes[0] == "recognised as layout pcam"


@pytest.mark.parametrize(
    ("shape", "labels", "slides", "what"),
    [
        ((2, 96, 96), np.zeros((2, 1, 1, 1)), None, r"x has the shape \(2, 96, 96\), not"),
        ((2, 96, 96, 4), np.zeros((2, 1, 1, 1)), None, "not .N, rows, columns, 3"),
        ((2, 96, 96, 3), np.zeros((3, 1, 1, 1)), None, r"y has the shape \(3, 1, 1, 1\), but there are 2 pictures"),
        ((2, 96, 96, 3), np.zeros((2, 2)), None, "but there are 2 pictures"),
        ((2, 96, 96, 3), np.full((2, 1, 1, 1), 3), None, "y holds other labels than 0 and 1"),
        ((2, 96, 96, 3), np.zeros((2, 1, 1, 1)), ["a"], "meta.csv: has 1 rows for 2 pictures"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(tmp_path, shape, labels, slides, what):
    write(tmp_path, "train", np.ones(shape, np.uint8), labels, slides)
    with pytest.raises(InputError, match=what):
        build_cohort("pcam", tmp_path)


def test_missing_and_damaged_files(folder):
    path = folder / "camelyonpatch_level_2_split_train_y.h5"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"split_train_y.h5: is not a readable HDF5 file"):
        build_cohort("pcam", folder)
    path.unlink()
    with pytest.raises(InputError, match=r"split_train_y.h5: no such file"):
        build_cohort("pcam", folder)
    (folder / "none").mkdir()
    with pytest.raises(InputError, match="is not a PatchCamelyon folder"):
        build_cohort("pcam", folder / "none")
