import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.segment.small import AFFINE, SHAPE, blob, make_cohort
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.nets.unet import UNet
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.predict.predict import lines, predict
from vesalius.tasks.predictor import PredictOptions
from vesalius.tasks.segment.predict import SegmentPredictor
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.prepare import Prepare
from vesalius.weights.saved import ModelConfig, save_pretrained

NET = UNet(dims=2, inputs=1, outputs=3, channels=(8, 16), units=1)


def make_model(folder, task="segment", seed=0, **settings):
    folder.mkdir()
    torch.manual_seed(seed)
    table = {"labels": {"bright": [4], "dark": [7]}, "patch": [16, 16, 1], **settings}
    save_pretrained(folder, NET.make(), ModelConfig(task=task, net=NET, settings=table))
    write_contract(InputContract(prepare=Prepare(layout="CIJK"), classes=("bright", "dark")), folder)
    return folder


def test_maps_on_the_grid_of_each_input_and_a_report(tmp_path):
    model = make_model(tmp_path / "model")
    manifest = make_cohort(tmp_path / "data", ("test", "test"))
    (tmp_path / "data" / "bad.nii.gz").write_bytes(b"nothing")
    out = tmp_path / "out"
    done = predict(model, [manifest, tmp_path / "data" / "bad.nii.gz"], out, device="cpu")
    assert list(done["results"]) == ["c0", "c1"]
    assert len(done["failed"]) == 1
    found = open_scan(out / "c0.nii.gz")
    np.testing.assert_allclose(found.affine, AFFINE)
    expected = Segmenter.from_pretrained(model)(open_scan(tmp_path / "data" / "c0.nii.gz"))
    np.testing.assert_array_equal(found.stored(), expected.stored())
    ml = (expected.stored() == 4).sum() * 3.0 / 1000
    assert done["results"]["c0"]["bright mL"] == pytest.approx(ml)
    page = (out / "report.html").read_text()
    assert "not a medical device" in page.lower()
    assert str(tmp_path) not in page
    assert done["report"] in lines(done)


def test_a_rerun_skips_what_is_finished_and_does_the_rest(tmp_path):
    model = make_model(tmp_path / "model")
    manifest = make_cohort(tmp_path / "data", ("test", "test"))
    out = tmp_path / "out"
    first = predict(model, [manifest], out, device="cpu")
    (out / "c1.nii.gz").unlink()
    again = predict(model, [manifest], out, device="cpu")
    assert [path.rpartition("/")[2] for path in again["skipped"]] == ["c0.nii.gz"]
    assert again["results"] == first["results"]
    assert (out / "c1.nii.gz").exists()
    with pytest.raises(OutputError, match="predictions of another model"):
        predict(make_model(tmp_path / "other", seed=1), [manifest], out, device="cpu")
    assert predict(model, [manifest], out, device="cpu", force=True)["skipped"] == []


def test_a_cine_gives_volumes_over_time(tmp_path):
    model = make_model(tmp_path / "model", cavity="bright")
    write_nifti(tmp_path / "cine.nii.gz", np.stack([blob(seed)[0] for seed in range(3)]), AFFINE, 0.04)
    done = predict(model, [tmp_path / "cine.nii.gz"], tmp_path / "out", device="cpu")
    measures = done["results"]["cine"]
    volumes = (open_scan(tmp_path / "out" / "cine.nii.gz").stored()[0] == 4).sum((1, 2, 3)) * 3.0 / 1000
    assert volumes.shape == (3,)
    assert (measures["EDV mL"], measures["ESV mL"]) == pytest.approx((volumes.max(), volumes.min()))
    assert (measures["ED frame"], measures["ES frame"]) == (volumes.argmax(), volumes.argmin())
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["results"]["studies"]["cine"] == measures


def test_options(tmp_path):
    """One that the job does not know is refused in one line; others make another run of it."""
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", ("test",))
    with pytest.raises(UsageError, match="--top-k: means nothing to a model for segment"):
        predict(model, [manifest], tmp_path / "out", PredictOptions(top_k=3), device="cpu")
    predict(model, [manifest], tmp_path / "out", device="cpu")
    with pytest.raises(OutputError, match="with other options"):
        predict(model, [manifest], tmp_path / "out", PredictOptions(resample=True), device="cpu")


def test_whoever_stops_keeps_what_is_finished(tmp_path, monkeypatch):
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", ("test", "test"))
    real = SegmentPredictor.__call__

    def stop(self, scans, target):
        if target.name.startswith("c1"):
            raise KeyboardInterrupt
        return real(self, scans, target)

    monkeypatch.setattr(SegmentPredictor, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        predict(model, [manifest], tmp_path / "out", device="cpu")
    monkeypatch.undo()
    done = predict(model, [manifest], tmp_path / "out", device="cpu")
    assert [Path(path).name for path in done["skipped"]] == ["c0.nii.gz"]
    assert list(done["results"]) == ["c0", "c1"]


def test_names_of_every_language_get_their_pictures(tmp_path):
    """A name of the output may not be taken either."""
    model = make_model(tmp_path / "model")
    for name in ("頭部", ".-x²", "figures"):
        write_nifti(tmp_path / f"{name}.nii.gz", blob(0)[0][None], AFFINE)
    paths = [tmp_path / f"{name}.nii.gz" for name in ("頭部", ".-x²", "figures")]
    done = predict(model, paths, tmp_path / "out", device="cpu")
    assert list(done["results"]) == ["頭部", "x_", "figures-2"]


def test_what_cannot_be(tmp_path):
    manifest = make_cohort(tmp_path / "data", ("test",))
    with pytest.raises(InputError, match="is a model for encode, with which nothing can be predicted"):
        predict(make_model(tmp_path / "m", task="encode"), [manifest], tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(OutputError, match="exists already"):
        predict(make_model(tmp_path / "m2"), [manifest], tmp_path / "full")
    assert open_scan(tmp_path / "data" / "c0.nii.gz").shape[2:] == SHAPE
