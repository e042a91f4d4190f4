"""Segmentation of single pictures, from training to the label map beside the picture."""

import json

import numpy as np
import pytest
from PIL import Image

from tasks.segment.small_pictures import SIZE, discs, make_pictures, of_pictures
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import UsageError
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.label_values import LabelValues
from vesalius.tasks.segment.config import SegmentConfig, SegmentSettings
from vesalius.tasks.segment.job import SegmentJob
from vesalius.tasks.segment.labels import read_classes, units
from vesalius.tasks.segment.predict import SegmentPredictor
from vesalius.tasks.train.dry_run import dry_run
from vesalius.tasks.train.run import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder, and the folder of its pictures."""
    folder = tmp_path_factory.mktemp("discs")
    table = of_pictures(make_pictures(folder / "data"))
    (folder / "c.json").write_text(SegmentConfig.parse(table).model_dump_json())
    train(folder / "c.json", folder / "run", device="cpu")
    return folder / "run", folder / "data"


def test_numbered_objects_are_one_class(tmp_path):
    cohort = units(read_manifest(make_pictures(tmp_path, ("train",))), ("mask",))
    classes_IJK = read_classes(cohort, cohort.cases[0], LabelValues({"disc": (1,)}, (), "objects"))
    np.testing.assert_array_equal(classes_IJK[..., 0].T, discs(0)[1] > 0)


def test_ignored_values_stay_ignored():
    values = LabelValues({"disc": (1,)}, (300,), "objects")
    assert values.classes(np.array([0, 100, 300], np.int16), "case a").tolist() == [0, 1, -1]


def test_the_report_has_the_trivial_baseline_beside_the_model(run):
    results = json.loads((run[0] / "summary.json").read_text())["results"]
    assert results["dice"] > 0.8
    assert results["trivial_baseline"]["dice"]["mean"] > 0.95  # discs of one brightness are what Otsu separates
    gain = results["dice"] - results["trivial_baseline"]["dice"]["mean"]
    assert results["trivial_baseline"]["difference"]["mean"] == pytest.approx(gain)
    page = (run[0] / "report.html").read_text()
    assert "Beside the trivial baseline" in page
    assert "HD95 mm" not in page  # pixels without a size


def test_a_label_map_is_written_as_a_picture(run, tmp_path):
    predictor = SegmentPredictor(run[0] / "model", "cpu")
    target = tmp_path / predictor.target_of("a")
    assert target.name == "a.png"
    done = predictor({"image": open_scan(run[1] / "d8.png")}, target)
    written = np.asarray(Image.open(target))
    truth = discs(8)[1] > 0
    assert (written.shape, written.dtype, set(np.unique(written))) == (SIZE, np.uint8, {0, 1})
    assert 2 * (written & truth).sum() / (written.sum() + truth.sum()) > 0.8
    assert done.measures["disc %"] == pytest.approx(100 * (written > 0).mean())
    assert done.measures["disc pieces"] >= 1
    assert "mL" not in predictor.summary(done.measures)


def test_a_volume_is_refused(run, tmp_path):
    predictor = SegmentPredictor(run[0] / "model", "cpu")
    volume = Scan.from_array(np.zeros((3, 1, 32, 32, 4), np.uint8), colour="rgb")
    with pytest.raises(UsageError, match="has 4 slices and 1 frames, the model takes single pictures"):
        predictor({"image": volume}, tmp_path / "b.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"suffix": ".png", "cavity": "disc"}, "suffix .png is for pictures"),
        (
            {"data": {"manifest": "m", "labels": {"a": [1], "b": [2]}, "map_values": "objects"}},
            "labels names one class",
        ),
    ],
)
def test_contradictions_in_a_configuration(change, message):
    with pytest.raises(Exception, match=message):
        SegmentConfig.parse(of_pictures("m", **change))


def test_only_pictures_of_one_class_have_a_baseline(tmp_path):
    settings = SegmentSettings.of(SegmentConfig.parse(of_pictures("m")))
    assert settings.has_baseline
    assert not settings.model_copy(update={"suffix": ".nii.gz"}).has_baseline
    assert not settings.model_copy(update={"labels": {"a": (1,), "b": (2,)}}).has_baseline
    job = SegmentJob(SegmentConfig.parse(of_pictures(make_pictures(tmp_path, ("train", "val")))))
    assert job.task().values.names == ("disc",)


def test_the_channels_of_the_pictures_decide_about_the_net(tmp_path):
    table = of_pictures(make_pictures(tmp_path))
    table["net"] = {**table["net"], "inputs": 1}
    task = SegmentJob(SegmentConfig.parse(table)).task()
    with pytest.raises(UsageError, match=r"net\.inputs: the images have 3 channels once prepared, the net takes 1"):
        next(task.batches(0, 0, 0, 1))


def test_the_configuration_of_the_package_steps(tmp_path):
    manifest = make_pictures(tmp_path)
    small = ["patch=[32,32,1]", "batch=2", "data.workers=0", "net.encoder.factor=0.125"]
    result = dry_run("segment/nuclei", [f"data.manifest={manifest}", *small], device="cpu")
    assert set(result.estimate["parameters"]) == {"encoder", "decoder"}
