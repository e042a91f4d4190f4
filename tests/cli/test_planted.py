"""No planted identifier comes out of any verb, but where docs/privacy.md says so."""

import numpy as np
import pytest

from cli import planting
from cli.planting import NAMES, SERIES_UID, Planted, left_behind
from tasks.detect.tiny import make_model as make_detector
from tasks.predict.test_predict import make_model as make_segmenter

PATHS = {NAMES, "NIfTI name", "name of a picture"}
"""Names of files are shown on the terminal and name results; docs/privacy.md says so."""


@pytest.fixture(scope="module")
def pixels():
    """A head-like CT: a bright ring in air, stored values."""
    j, i = np.mgrid[-1:1:48j, -1:1:48j]
    radius = np.hypot(i, j)
    slices = np.where(radius < 0.75, 1064, 24) + np.where((radius > 0.7) & (radius < 0.75), 900, 0)
    return np.stack([slices + k for k in range(6)], axis=-1).astype("i2")


@pytest.fixture
def plant(tmp_path, pixels):
    """The planted words; the files lie in `in` below the test's folder."""
    plant = Planted()
    planting.dicom_series(tmp_path / "in" / "series", plant, pixels)
    planting.nifti(tmp_path / "in" / "nifti", plant, (8, 9, 4, 3))
    planting.pictures(tmp_path / "in" / "stack", plant)
    planting.others(tmp_path / "in" / "others", plant)
    return plant


def test_there_are_forty_places_and_the_search_finds_them(plant, tmp_path):
    assert len(plant.words) >= 50
    assert plant.found(left_behind(tmp_path / "in")) == set(plant.words)


@pytest.mark.parametrize("level", [(), ("--strip",)])
def test_compress_and_back(vesalius, plant, tmp_path, level):
    kept = set() if level else {"name of an array"} | {place for place in plant.words if place.startswith("NIfTI ")}
    kept -= {"NIfTI name"}
    for name in ("series", "nifti", "stack", "others"):
        (tmp_path / name).mkdir()
        done = vesalius(
            "compress", tmp_path / "in" / name, "-o", tmp_path / name / "vsl", *level, "--cache", tmp_path / "key"
        )
        said = plant.found([done.out.encode(), done.err.encode()])
        assert said <= PATHS | kept, (name, said)
        files = sorted((tmp_path / name).rglob("*.vsl"))
        assert files, (name, done.err)
        for number, file in enumerate(files):
            inside = plant.found([file.read_bytes()])
            assert inside <= kept, (name, inside)
            back = tmp_path / name / f"back-{number}"
            for suffix in ("", ".nii", ".npz", ".tif", ".png"):
                done = vesalius("decompress", file, "-o", f"{back}{suffix}")
                if done.code == 0:
                    break
            assert done.code == 0, done.err
            assert plant.found(left_behind(back.with_name(f"{back.name}{suffix}"))) <= kept
            assert plant.found([vesalius("inspect", file, "--json").out.encode()]) <= PATHS | kept


@pytest.mark.parametrize("suffix", [".nii.gz", ".npz", ".png", ".tif"])
def test_convert(vesalius, plant, tmp_path, suffix):
    done = vesalius("convert", tmp_path / "in" / "series", "-o", tmp_path / f"out{suffix}", "--json")
    assert done.code == 0, done.err
    assert plant.found([done.out.encode(), done.err.encode()]) <= PATHS
    (written,) = [path for path in tmp_path.iterdir() if path.name.startswith("out")]
    assert plant.found(left_behind(written)) == set()
    (path,) = (tmp_path / "in" / "nifti").iterdir()
    assert vesalius("convert", path, "-o", tmp_path / "again.nii.gz", "--orient", "LPS").code == 0
    assert plant.found(left_behind(tmp_path / "again.nii.gz")) == set()


def test_inspect(vesalius, plant, tmp_path):
    for words in ((), ("--json",)):
        done = vesalius("inspect", tmp_path / "in", *words)
        assert done.code == 0, done.err
        assert plant.found([done.out.encode(), done.err.encode()]) <= PATHS | {SERIES_UID}


def test_cohorts(vesalius, plant, tmp_path):
    manifest = tmp_path / "m.jsonl"
    done = vesalius("cohort", "build", "dicom", tmp_path / "in" / "series", "-o", manifest)
    assert done.code == 0, done.err
    assert plant.found([done.out.encode(), done.err.encode()]) <= PATHS
    assert plant.found([manifest.read_bytes()]) <= PATHS | {SERIES_UID}
    commands = {
        "split": ("cohort", "split", manifest, "-o", tmp_path / "split", "--folds", "2"),
        "audit": ("cohort", "audit", manifest, "-o", tmp_path / "audit"),
        "shard": ("cohort", "shard", manifest, "-o", tmp_path / "shard"),
    }
    for name, command in commands.items():
        done = vesalius(*command)
        assert plant.found([done.out.encode(), done.err.encode()]) <= PATHS, name
        if (tmp_path / name).exists():
            assert plant.found(left_behind(tmp_path / name)) <= PATHS | {SERIES_UID}, name
    assert plant.found(left_behind(tmp_path / "shard")) <= {SERIES_UID}


def test_models(vesalius, plant, tmp_path):
    detector = make_detector(tmp_path / "detector")
    segmenter = make_segmenter(tmp_path / "segmenter")
    commands = {
        "findings": ("predict", detector, tmp_path / "in" / "series", "-o", tmp_path / "findings"),
        "maps": ("predict", segmenter, tmp_path / "in" / "nifti", "-o", tmp_path / "maps"),
        "vectors": (
            "embed",
            detector,
            tmp_path / "in" / "series",
            "-o",
            tmp_path / "vectors",
            "--cache",
            tmp_path / "c",
        ),
    }
    for name, command in commands.items():
        done = vesalius(*command, "--device", "cpu")
        assert plant.found([done.out.encode(), done.err.encode()]) <= PATHS, name
        if (tmp_path / name).exists():
            assert plant.found(left_behind(tmp_path / name)) <= PATHS, name
    assert plant.found(left_behind(tmp_path / "c")) == set()


def test_evaluate_codec(vesalius, plant, tmp_path):
    done = vesalius("evaluate", "codec", tmp_path / "in" / "nifti", "-o", tmp_path / "codec", "--points", "2")
    assert done.code == 0, done.err
    assert plant.found([done.out.encode(), done.err.encode()]) <= PATHS
    assert plant.found(left_behind(tmp_path / "codec")) <= PATHS
