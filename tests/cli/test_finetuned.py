"""A finetuned classifier from training to predict, evaluate and embed, as a user calls them."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pydicom.uid import DigitalXRayImageStorageForPresentation

from dicom_making import instance, save
from few_draws import few_draws
from tasks.finetune.small import CELLS, RESNET, make_cells, make_pictures, make_volumes, of_pictures, of_volumes
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.tasks.train.run import train


@pytest.fixture(scope="module", autouse=True)
def fast():
    with few_draws():
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run on pictures and one on slices of volumes, with their data."""
    folder = tmp_path_factory.mktemp("finetune")
    for name, make, table in (("pictures", make_pictures, of_pictures), ("volumes", make_volumes, of_volumes)):
        config = table(make(folder / f"{name}-data"))
        config["train"] = {**config["train"], "epochs": 2, "validate_every": 2}
        (folder / "c.yaml").write_text(yaml.safe_dump(config))
        train(folder / "c.yaml", folder / name, device="cpu")
    return folder


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "unit"), [("pictures", "pictures"), ("volumes", "slices")])
def test_its_thresholds_are_kept_and_used(runs, vesalius, tmp_path, name, unit):
    """The test split again, by the stored calibration: every number is that of the run.

    Equal to the last bit, as both read the same cases in the same batches; so on as many threads, because sums in
    another order would differ by 1e-8 or so.
    """
    run = runs / name
    calibration = json.loads((run / "model" / "calibration.json").read_text())
    then = json.loads((run / "summary.json").read_text())["results"]
    assert [one["threshold"] for one in then["classes"].values()] == calibration["thresholds"]
    assert [one["temperature"] for one in then["classes"].values()] == calibration["temperatures"]
    out = tmp_path / "out"
    words = ("evaluate", "classifier", run, run / "splits" / "test.csv", "-o", out, "--device", "cpu", "--json", "-q")
    now = vesalius(*words, "--threads", torch.get_num_threads()).told["results"]
    assert now["part"] == "cohort"
    assert (now[unit], now["patients"], now["auroc"]) == (then[unit], then["patients"], then["auroc"])
    for found, expected in zip(now["classes"].values(), then["classes"].values(), strict=True):
        exact = ("auroc", "threshold", "temperature", "sensitivity", "specificity", "positive", "unknown", "brier")
        assert [found[key] for key in exact] == [expected[key] for key in exact]
    assert len(rows(out / "table.csv")) == len(rows(run / "table.csv"))
    assert f"Findings of {unit}" in (out / "report.html").read_text()


def test_volumes_slice_by_slice(runs, vesalius, tmp_path):
    """Probabilities of the test of the run come out again for a volume alone; limits stand first."""
    scan, out = runs / "volumes-data" / "v12.nii.gz", tmp_path / "out"
    done = vesalius("predict", runs / "volumes", scan, "-o", out, "--device", "cpu", "--top-k", "2", "--json", "-q")
    measures = done.told["results"]["v12"]
    probs = np.load(out / "v12" / "slice_probs.npy")
    expected = [float(row["probability"]) for row in rows(runs / "volumes" / "table.csv") if row["case"] == "v12"]
    np.testing.assert_allclose(probs.ravel(), expected, atol=1e-4)
    thresholds = json.loads((runs / "volumes" / "model" / "calibration.json").read_text())["thresholds"]
    for number, found in enumerate(measures["classes"].values()):
        assert found["probability"] == pytest.approx(probs[:, number].max(), abs=1e-6)
        assert found["positive"] == (found["probability"] >= thresholds[number])
    assert len(measures["top_slices"]) == 2
    assert np.load(out / "v12" / "heat_patches.npy").shape == (2, 2)
    page = (out / "report.html").read_text()
    assert page.index("Limits of the model") < page.index("Probabilities of slices, calibrated on")
    assert "the more slices a scan has" in page
    assert "most suspicious slice" in done.told["summary"]["v12"]


def test_pictures(runs, vesalius, tmp_path):
    values = np.load(runs / "pictures-data" / "x.npy")[:2]
    for number, picture in enumerate(values):
        Image.fromarray(np.clip(40 * (picture + 2), 0, 255).astype(np.uint8)).save(tmp_path / f"p{number}.png")
    out = tmp_path / "out"
    paths = (tmp_path / "p0.png", tmp_path / "p1.png")
    done = vesalius("predict", runs / "pictures", *paths, "-o", out, "--device", "cpu", "--json", "-q")
    assert list(done.told["results"]) == ["p0", "p1"]
    assert "slice" not in done.told["summary"]["p0"]
    assert set(done.told["results"]["p0"]["classes"]) == {"left", "never"}
    page = (out / "report.html").read_text()
    assert "Probabilities of pictures" in page
    assert "Suspicious slices" not in page
    assert "finished before" in vesalius("predict", runs / "pictures", *paths, "-o", out, "--device", "cpu").out


def test_options_of_detection_are_refused_in_one_line(runs, vesalius, tmp_path):
    words = ("predict", runs / "volumes", runs / "volumes-data" / "v0.nii.gz", "-o", tmp_path / "out")
    error = vesalius(*words, "--intercept", "-1024").error
    assert "--intercept: is not supported by finetune models; leave it out" in error


def test_vectors(runs, vesalius, tmp_path):
    scan = runs / "volumes-data" / "v0.nii.gz"
    done = vesalius("embed", runs / "volumes", scan, "-o", tmp_path / "v", "--cache", tmp_path / "c", "--json", "-q")
    assert (done.told["slices"], done.told["dim"]) == (6, 128)


@pytest.fixture(scope="module")
def xrays(tmp_path_factory):
    """A run on 8-bit pictures whose left half is bright or not, prepared as chest X-rays are."""
    folder = tmp_path_factory.mktemp("xrays")
    draw = np.random.default_rng(0)
    cases = []
    for number in range(48):
        Image.fromarray(half_bright(draw, is_left=number % 2 == 0, side=64)).save(folder / f"{number}.png")
        labels, split = {"left": float(number % 2 == 0)}, ("train", "train", "val", "test")[number // 2 % 4]
        facts = {"view": ("AP", "PA")[number % 4 == 0], "sex": "FM"[number % 3 == 0]}
        images = {"image": f"{number}.png"}
        cases.append(Case(id=str(number), images=images, patient=f"p{number}", labels=labels, facts=facts, split=split))
    manifest = write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl")
    steps = [{"name": "picture_channels", "count": 1}, {"name": "resize", "size": [32, 32]}]
    steps.append({"name": "standardize", "mean": [0.5], "std": [0.25]})
    config = of_pictures(manifest, prepare={"layout": "CJI", "intensity": "shown", "steps": steps})
    (folder / "c.yaml").write_text(yaml.safe_dump(config))
    train(folder / "c.yaml", folder / "run", device="cpu")
    return folder / "run"


def half_bright(draw, *, is_left, side):
    picture = draw.normal(60, 10, (side, side))
    picture[:, : side // 2] += 120 * is_left
    return picture.clip(0, 255).astype(np.uint8)


def test_pictures_and_dicom_xrays_of_every_kind_in_one_folder(xrays, vesalius, tmp_path):
    """Grey, RGB, with transparency, 448 pixels; DICOM with 12 bits and a window, and with inverted greys.

    The picture that is bright at the left is there in every kind, the other one once.
    """
    draw, folder = np.random.default_rng(9), tmp_path / "in"
    folder.mkdir()
    truth = {}
    for number, is_left in enumerate((True, False)):
        picture = half_bright(draw, is_left=is_left, side=448)
        for mode in ("L", "RGB", "LA", "RGBA") if is_left else ("L",):
            Image.fromarray(picture).convert(mode).save(folder / f"{mode}{number}.png")
            truth[f"{mode}{number}"] = is_left
        stored = 16 * picture.astype(np.uint16)
        kinds = (("plain", stored, "MONOCHROME2"), ("inverted", 4095 - stored, "MONOCHROME1"))
        for name, values, photometric in kinds if is_left else ():
            window = {"WindowCenter": 2048, "WindowWidth": 4096}
            data = instance(
                values,
                number=2 * number + len(name),
                sop_class=DigitalXRayImageStorageForPresentation,
                PhotometricInterpretation=photometric,
                BitsStored=12,
                HighBit=11,
                Modality="DX",
                SeriesInstanceUID=f"1.2.3.{number}.{len(name)}",
                **window,
            )
            save(data, folder / f"{name}{number}.dcm")
            truth[f"{name}{number}"] = is_left
    out = tmp_path / "out"
    done = vesalius("predict", xrays, folder, "-o", out, "--device", "cpu", "--threads", "1", "--json", "-q")
    assert done.code == 0, done.err
    results = done.told["results"]
    assert len(results) == len(truth)
    for name, source in done.told["sources"].items():
        stem = source.rpartition("/")[2].rpartition(".")[0] or name
        found = results[name]["classes"]["left"]
        assert found["positive"] == truth[stem], stem
        assert (found["probability"] > 0.5) == truth[stem], stem
    same = [results[name]["classes"]["left"]["probability"] for name in results if name != "L1"]
    assert len(same) == 6
    assert max(same) - min(same) < 0.02
    assert (out / "report.html").exists()


def test_one_class_is_reported_of_each_picture(vesalius, tmp_path):
    config = of_pictures(make_cells(tmp_path / "data", 24), net=RESNET, loss={"name": "softmax"})
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    train(tmp_path / "c.yaml", tmp_path / "run", device="cpu")
    out = tmp_path / "out"
    words = ("predict", tmp_path / "run", tmp_path / "run" / "splits" / "test.csv", "-o", out)
    done = vesalius(*words, "--device", "cpu", "--threads", "1", "--json", "-q")
    right = 0
    for name, measures in done.told["results"].items():
        called = measures["class"]
        assert measures["leading"] == called
        assert [label for label, found in measures["classes"].items() if found["positive"]] == [called]
        assert sum(found["probability"] for found in measures["classes"].values()) == pytest.approx(1)
        assert done.told["summary"][name].startswith(f"{called} ")
        right += called == CELLS[int(name.removeprefix("x")) % 3]
    assert len(done.told["results"]) == 6
    assert right >= 5
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Each picture gets the most probable class" in page
    assert "specificity" not in page
