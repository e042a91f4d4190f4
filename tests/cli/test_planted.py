"""No planted identifier comes out of any verb, but where docs/privacy.md says so."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from cli import planting
from cli.planting import NAMES, SERIES_UID, Planted, left_behind
from tasks.detect.tiny import make_cohort as make_heads
from tasks.detect.tiny import make_model as make_detector
from tasks.predict.test_run import make_model as make_segmenter
from tasks.segment.small import make_cohort, settings
from vesalius.cohort.manifest import read_manifest, write_manifest

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


def planted_manifest(plant, path):
    """A manifest whose patients, captions and facts bear planted words; ids of cases do not."""
    cohort = read_manifest(path)
    words = {one: plant.text(f"patient of a case {one}") for one in dict.fromkeys(case.patient for case in cohort)}
    caption, fact = plant.text("caption of a case"), plant.text("fact of a case")
    cases = [
        case.model_copy(update={"patient": words[case.patient], "caption": caption, "facts": {"note": fact}})
        for case in cohort
    ]
    return write_manifest(replace(cohort, cases=tuple(cases)), path, force=True)


def said(done):
    """What a command printed."""
    return [done.out.encode(), done.err.encode()]


@pytest.mark.filterwarnings("ignore")
def test_a_run_and_what_is_made_of_it(vesalius, tmp_path):
    plant = Planted()
    manifest = planted_manifest(plant, make_cohort(tmp_path / "data"))
    config = tmp_path / "small.yaml"
    config.write_text(yaml.safe_dump(settings(manifest, train__epochs=1, repeats=2)))
    run = tmp_path / "run"
    commands = [
        ("train", config, "-o", tmp_path / "dry", "--dry-run", "--device", "cpu"),
        ("train", config, "-o", run, "--device", "cpu"),
        ("report", run),
        ("export", run, "--format", "onnx", "-o", tmp_path / "model.onnx", "--size", "16,16"),
        ("predict", run, run / "splits" / "test.csv", "-o", tmp_path / "maps", "--device", "cpu"),
        ("evaluate", "masks", tmp_path / "maps", run / "splits" / "test.csv", "-o", tmp_path / "measured"),
        ("weights", "list"),
    ]
    for command in commands:
        done = vesalius(*command)
        assert done.code == 0, (command, done.err)
        assert plant.found(said(done)) == set(), command
    splits = sorted((run / "splits").iterdir())
    assert plant.found(path.read_bytes() for path in splits) == set(plant.words)  # docs/privacy.md says so
    for path in splits:
        path.unlink()
    for left in (run, tmp_path / "model.onnx", tmp_path / "maps", tmp_path / "measured"):
        assert plant.found(left_behind(left)) == set(), left


def test_a_classifier_on_another_cohort(vesalius, tmp_path):
    plant = Planted()
    manifest = planted_manifest(plant, make_heads(tmp_path / "heads", patients=6, per_patient=1))
    model = make_detector(tmp_path / "detector")
    out = tmp_path / "out"
    done = vesalius(
        "evaluate", "classifier", model, manifest, "-o", out, "--device", "cpu", "--cache", tmp_path / "cache", "--json"
    )
    assert done.code == 0, done.err
    assert plant.found([*said(done), *left_behind(out), *left_behind(tmp_path / "cache")]) == set()


def test_verify_and_what_is_refused(vesalius, plant, tmp_path):
    series = tmp_path / "in" / "series"
    packed = tmp_path / "a.vsl"
    assert vesalius("compress", series, "-o", packed, "--cache", tmp_path / "key").code == 0
    assert plant.found(said(vesalius("verify", packed, series))) <= PATHS
    (first, *_) = sorted(series.iterdir())
    first.write_bytes(first.read_bytes()[:900])
    refused = [
        ("verify", packed, series),
        ("compress", series, "-o", tmp_path / "b.vsl", "--ratio", "1e9"),
        ("convert", series, "-o", tmp_path / "c.nii", "--series", "9.9.9"),
        ("cohort", "audit", first, "-o", tmp_path / "audit"),
        ("cohort", "build", "nih", tmp_path / "in", "-o", tmp_path / "m.jsonl"),
        ("decompress", first, "-o", tmp_path / "d"),
    ]
    for command in refused:
        done = vesalius(*command)
        assert done.code == 2, command
        assert plant.found(said(done)) <= PATHS | {SERIES_UID}, command
