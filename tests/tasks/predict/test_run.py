import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.segment.small import AFFINE, SHAPE, blob, make_cohort
from vesalius.errors import CorruptFileError, InputError, OutputError, UsageError
from vesalius.nets.unet import UNet
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.predict.run import lines, predict
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
    save_pretrained(folder, {"net": NET.make()}, ModelConfig.of(task, {"net": NET}, table))
    write_contract(InputContract(prepare=Prepare(layout="CIJK"), classes=("bright", "dark")), folder)
    return folder


def stop_at_the_second(monkeypatch):
    real = SegmentPredictor.__call__

    def stop(self, scans, target, ends):
        if target.name.startswith("c1"):
            raise KeyboardInterrupt
        return real(self, scans, target, ends)

    monkeypatch.setattr(SegmentPredictor, "__call__", stop)


def test_maps_on_the_grid_of_each_input_and_a_report(tmp_path):
    model = make_model(tmp_path / "model")
    manifest = make_cohort(tmp_path / "data", ("test", "test"))
    (tmp_path / "data" / "bad.nii.gz").write_bytes(b"nothing")
    out = tmp_path / "out"
    done = predict(model, [manifest, tmp_path / "data" / "bad.nii.gz"], out, device="cpu")
    assert list(done.results) == ["c0", "c1"]
    assert len(done.failed) == 1
    found = open_scan(out / "c0.nii.gz")
    np.testing.assert_allclose(found.affine, AFFINE)
    expected = Segmenter.from_pretrained(model)(open_scan(tmp_path / "data" / "c0.nii.gz"))
    np.testing.assert_array_equal(found.stored(), expected.stored())
    ml = (expected.stored() == 4).sum() * 3.0 / 1000
    assert done.results["c0"]["bright mL"] == pytest.approx(ml)
    page = (out / "report.html").read_text()
    assert "not a medical device" in page.lower()
    assert str(tmp_path) not in page
    assert done.report in lines(done)


def test_the_card_of_the_model_is_told_with_what_it_finds(tmp_path):
    model = make_model(tmp_path / "model")
    (model / "README.md").write_text("---\nsummary: Learned from drawings only\n---\n")
    manifest = make_cohort(tmp_path / "data", ("test",))
    done = predict(model, [manifest], tmp_path / "out", device="cpu")
    limits = "Its card does not say what the model was trained on."
    assert lines(done)[:2] == [f"warning: limits of the model: {limits}", "model: Learned from drawings only"]
    assert "Learned from drawings only" in (tmp_path / "out" / "report.html").read_text()


def test_a_rerun_skips_what_is_finished_and_does_the_rest(tmp_path):
    model = make_model(tmp_path / "model")
    manifest = make_cohort(tmp_path / "data", ("test", "test"))
    out = tmp_path / "out"
    first = predict(model, [manifest], out, device="cpu")
    (out / "c1.nii.gz").unlink()
    again = predict(model, [manifest], out, device="cpu")
    assert [path.rpartition("/")[2] for path in again.skipped] == ["c0.nii.gz"]
    assert again.results == first.results
    assert (out / "c1.nii.gz").exists()
    with pytest.raises(OutputError, match="predictions of another model"):
        predict(make_model(tmp_path / "other", seed=1), [manifest], out, device="cpu")
    assert predict(model, [manifest], out, device="cpu", force=True).skipped == []


def test_a_cine_gives_volumes_over_time(tmp_path):
    model = make_model(tmp_path / "model", cavity="bright")
    write_nifti(tmp_path / "cine.nii.gz", np.stack([blob(seed)[0] for seed in range(3)]), AFFINE, 0.04)
    done = predict(model, [tmp_path / "cine.nii.gz"], tmp_path / "out", device="cpu")
    measures = done.results["cine"]
    volumes = (open_scan(tmp_path / "out" / "cine.nii.gz").stored()[0] == 4).sum((1, 2, 3)) * 3.0 / 1000
    assert volumes.shape == (3,)
    assert (measures["EDV mL"], measures["ESV mL"]) == pytest.approx((volumes.max(), volumes.min()))
    assert (measures["ED frame"], measures["ES frame"]) == (volumes.argmax(), volumes.argmin())
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["results"]["studies"]["cine"] == {
        "source": f"{tmp_path.name}/cine.nii.gz",
        **measures,
    }


def test_options(tmp_path):
    """One that the job does not know is refused in one line; others make another run of it."""
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", ("test",))
    with pytest.raises(UsageError, match="--top-k: is not supported by segment models"):
        predict(model, [manifest], tmp_path / "out", {"top_k": 3}, device="cpu")
    predict(model, [manifest], tmp_path / "out", device="cpu")
    with pytest.raises(OutputError, match="with other options"):
        predict(model, [manifest], tmp_path / "out", {"resample": True}, device="cpu")


def test_whoever_stops_keeps_what_is_finished(tmp_path, monkeypatch):
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", ("test", "test"))
    stop_at_the_second(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        predict(model, [manifest], tmp_path / "out", device="cpu")
    monkeypatch.undo()
    done = predict(model, [manifest], tmp_path / "out", device="cpu")
    assert [Path(path).name for path in done.skipped] == ["c0.nii.gz"]
    assert list(done.results) == ["c0", "c1"]


def test_names_of_every_language_get_their_pictures(tmp_path):
    """A name of the output may not be taken either."""
    model = make_model(tmp_path / "model")
    for name in ("頭部", ".-x²", "figures"):
        write_nifti(tmp_path / f"{name}.nii.gz", blob(0)[0][None], AFFINE)
    paths = [tmp_path / f"{name}.nii.gz" for name in ("頭部", ".-x²", "figures")]
    done = predict(model, paths, tmp_path / "out", device="cpu")
    assert list(done.results) == ["頭部", "x_", "figures-2"]


def test_what_cannot_be(tmp_path):
    with pytest.raises(InputError, match="predicts nothing; name a model for detect, finetune, segment"):
        predict(make_model(tmp_path / "m0", task="other"), [tmp_path], tmp_path / "out")
    manifest = make_cohort(tmp_path / "data", ("test",))
    with pytest.raises(
        InputError, match=r"is a model for encode, which predicts nothing; .*vectors of an encoder come from"
    ):
        predict(make_model(tmp_path / "m", task="encode"), [manifest], tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(OutputError, match="exists already"):
        predict(make_model(tmp_path / "m2"), [manifest], tmp_path / "full")
    assert open_scan(tmp_path / "data" / "c0.nii.gz").shape[2:] == SHAPE


def test_files_of_one_name_are_studies_of_their_own(tmp_path):
    model, out = make_model(tmp_path / "model"), tmp_path / "out"
    for number, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        write_nifti(tmp_path / folder / "scan.nii.gz", blob(number)[0][None], AFFINE)
    predict(model, [tmp_path / "a" / "scan.nii.gz"], out, device="cpu")
    second = predict(model, [tmp_path / "b" / "scan.nii.gz"], out, device="cpu")
    assert (list(second.results), second.skipped) == (["scan-2"], [])
    expected = Segmenter.from_pretrained(model)(open_scan(tmp_path / "b" / "scan.nii.gz"))
    np.testing.assert_array_equal(open_scan(out / "scan-2.nii.gz").stored(), expected.stored())
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary["results"]["studies"]) == ["scan", "scan-2"]
    swapped = predict(model, [tmp_path / letter / "scan.nii.gz" for letter in "ba"], out, device="cpu")
    assert [Path(path).name for path in swapped.skipped] == ["scan-2.nii.gz", "scan.nii.gz"]


def test_what_another_model_left_is_removed_and_nothing_else(tmp_path):
    """Under --force: the old run's maps and pictures go, whether or not their studies come again."""
    model, out = make_model(tmp_path / "model"), tmp_path / "out"
    manifest = make_cohort(tmp_path / "data", ("test", "test"))
    predict(model, [manifest], out, device="cpu")
    pictures = [path.name for path in (out / "figures").iterdir()]
    assert any(name.startswith("c1.") for name in pictures)
    (out / "mine.nii.gz").touch()
    done = predict(
        make_model(tmp_path / "other", seed=1), [tmp_path / "data" / "c0.nii.gz"], out, device="cpu", force=True
    )
    assert list(done.results) == ["c0"]
    assert done.sources == {"c0": "data/c0.nii.gz"}
    assert sorted(path.name for path in out.glob("*.nii.gz")) == ["c0.nii.gz", "mine.nii.gz"]
    assert not list((out / "figures").glob("c1.*"))
    assert list(json.loads((out / "summary.json").read_text())["results"]["studies"]) == ["c0"]


def test_each_study_is_traced_to_its_scan(tmp_path):
    model, out = make_model(tmp_path / "model"), tmp_path / "out"
    for number, folder in enumerate(("P0001", "P0002")):
        (tmp_path / "data" / folder).mkdir(parents=True)
        write_nifti(tmp_path / "data" / folder / "S1.nii.gz", blob(number)[0][None], AFFINE)
    (tmp_path / "data" / "P0003").mkdir()
    for folder in ("P0001", "P0003"):
        (tmp_path / "data" / folder / "bad.nii.gz").write_bytes(b"nothing")
    told = []
    done = predict(model, [tmp_path / "data"], out, device="cpu", progress=told.append)
    assert done.sources == {"P0001-S1": "data/P0001/S1.nii.gz", "P0002-S1": "data/P0002/S1.nii.gz"}
    summary = json.loads((out / "summary.json").read_text())
    assert {name: one["source"] for name, one in summary["results"]["studies"].items()} == done.sources
    assert list(summary["failures"]) == ["data/P0001/bad.nii.gz", "data/P0003/bad.nii.gz"]
    lines_of_record = (out / "studies.jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in lines_of_record] == list(done.sources.values())
    assert str(tmp_path) not in (out / "summary.json").read_text() + "".join(lines_of_record)
    shown = [*told, *lines(done)]
    assert sum(line.count("bad.nii.gz") for line in shown) == 2  # each failure stands once on the terminal
    assert told[-1].endswith("failed so far")
    alone = predict(model, [tmp_path / "data" / "P0001"], out, device="cpu")
    assert alone.sources == {"P0001-S1": "P0001/S1.nii.gz"}
    assert len(alone.skipped) == 1


def test_what_is_finished_outlives_a_kill(tmp_path, monkeypatch):
    """Nothing after the first study runs, not even what is to run at the end; its line is there."""
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", ("test", "test"))
    stop_at_the_second(monkeypatch)
    monkeypatch.setattr("vesalius.tasks.predict.run.publish", lambda *_, **__: tmp_path)
    with pytest.raises(KeyboardInterrupt):
        predict(model, [manifest], tmp_path / "out", device="cpu")
    monkeypatch.undo()
    assert not (tmp_path / "out" / "summary.json").exists()
    with (tmp_path / "out" / "studies.jsonl").open("a") as file:
        file.write('{"name": "c1", "dig')
    done = predict(model, [manifest], tmp_path / "out", device="cpu")
    assert [Path(path).name for path in done.skipped] == ["c0.nii.gz"]
    assert list(done.results) == ["c0", "c1"]


def test_another_number_of_channels_or_a_fault_fails_alone(tmp_path, monkeypatch):
    model = make_model(tmp_path / "model")
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    for name in "bc":
        write_nifti(tmp_path / f"{name}.nii.gz", blob(0)[0][None], AFFINE)
    real = SegmentPredictor.__call__

    def broken(self, scans, target, ends):
        if target.name.startswith("b"):
            raise RuntimeError("a fault of ours")
        return real(self, scans, target, ends)

    monkeypatch.setattr(SegmentPredictor, "__call__", broken)
    paths = [tmp_path / name for name in ("a.png", "b.nii.gz", "c.nii.gz")]
    done = predict(model, paths, tmp_path / "out", device="cpu")
    assert list(done.results) == ["c"]
    first, second = (one["reason"] for one in done.failed)
    cause = "the scan has 3 channels once prepared, the model takes 1"
    assert first == f"{cause}; give a scan of the kind that the model was trained on"
    assert second == "an unforeseen RuntimeError: a fault of ours"


def test_a_folder_that_cannot_tell_what_it_holds(tmp_path):
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", ("test",))
    out = tmp_path / "out"
    for name in ("model.json", "studies.jsonl"):
        predict(model, [manifest], out, device="cpu", force=True)
        (out / name).write_text("{half\n")
        with pytest.raises(CorruptFileError, match=name):
            predict(model, [manifest], out, device="cpu")
        (out / "model.json").write_text("{")


def stated(folder, info=None):
    """A cine of ten frames in a folder of its own."""
    folder.mkdir()
    write_nifti(folder / "p_4d.nii.gz", np.stack([blob(seed)[0] for seed in range(10)]), AFFINE, 0.04)
    if info:
        (folder / "Info.cfg").write_text(info)
    return folder / "p_4d.nii.gz"


def test_stated_frames_come_from_info_cfg_or_a_manifest(tmp_path):
    model, out = make_model(tmp_path / "model", cavity="bright"), tmp_path / "out"
    cine = stated(tmp_path / "p", "ED: 3\nES: 7\n")
    measures = predict(model, [cine], out, device="cpu").results["p_4d"]
    volumes = (open_scan(out / "p_4d.nii.gz").stored()[0] == 4).sum((1, 2, 3)) * 3.0 / 1000
    assert measures["ef_from"] == "stated frames"
    assert (measures["ED frame"], measures["ES frame"]) == (2, 6)
    assert (measures["EDV mL"], measures["ESV mL"]) == pytest.approx((volumes[2], volumes[6]))
    case = {"id": "p", "images": {"image": "p/p_4d.nii.gz"}, "facts": {"ed_frame": 1, "es_frame": 5}}
    (tmp_path / "m.jsonl").write_text(json.dumps(case) + "\n")
    by_manifest = predict(model, [tmp_path / "m.jsonl"], out, device="cpu")
    assert by_manifest.skipped == []  # the same pixels, other frames
    (measures,) = by_manifest.results.values()
    assert (measures["ED frame"], measures["ES frame"]) == (1, 5)


def test_without_them_the_curve_is_smoothed_and_warnings_stand_everywhere(tmp_path):
    model, out = make_model(tmp_path / "model", cavity="bright"), tmp_path / "out"
    done = predict(model, [stated(tmp_path / "p")], out, device="cpu")
    measures = done.results["p_4d"]
    assert measures["ef_from"] == "smoothed curve"
    assert isinstance(measures["ED frame"], int)
    (warning,) = [one for one in measures["warnings"] if "EDV below 20 mL" in one]
    assert any("(smoothed curve)" in line and warning in line for line in lines(done))
    sections = json.loads((out / "summary.json").read_text())["sections"]
    blocks = [block for section in sections for block in section["blocks"]]
    assert f"p_4d: {warning}." in [block["text"] for block in blocks if block.get("tone") == "warning"]
    (table,) = [block for block in blocks if block["kind"] == "table"]
    row = dict(zip([column["name"] for column in table["columns"]], table["rows"][0], strict=True))
    assert (row["ED frame"], row["ED and ES by"]) == (str(measures["ED frame"]), "smoothed curve")
    assert [block["file"] for block in blocks if block["kind"] == "figure"] == ["p_4d.volumes.png"]
    assert [block["still"] for block in blocks if block["kind"] == "viewer"] == ["p_4d.outlines.png"]


def test_a_scan_that_is_no_cine_is_refused_in_a_line_and_in_the_report(tmp_path):
    model, out = make_model(tmp_path / "model", cavity="bright", check="cine-mr"), tmp_path / "out"
    write_nifti(tmp_path / "head.nii.gz", np.random.default_rng(0).normal(0, 9, (1, 64, 64, 90)), np.diag([3, 3, 3, 1]))
    heart = np.random.default_rng(0).integers(0, 900, (9, 64, 64, 8)).astype(np.int16)
    write_nifti(tmp_path / "cine.nii.gz", heart, np.diag([1.8, 1.8, 8, 1]), 0.04)
    done = predict(model, [tmp_path / "head.nii.gz", tmp_path / "cine.nii.gz"], out, device="cpu")
    assert done.results["cine"]["check"] == {
        "asked": "cine-mr", "frames": 9, "slices": 8, "field_mm": 115, "slice_mm": 8.0,
    }  # fmt: skip
    assert "the file does not say that it is MR" in done.results["cine"]["warnings"]
    (failed,) = done.failed
    assert "90 slices 3 mm apart and one frame: no short-axis stack" in failed["error"]
    assert not (out / "head.nii.gz").exists()
    assert "90 slices 3 mm apart" in (out / "report.html").read_text()
    predict(model, [tmp_path / "head.nii.gz"], tmp_path / "none", device="cpu")
    sections = json.loads((tmp_path / "none" / "summary.json").read_text())["sections"]
    assert sections == []  # no table without a row


def test_four_dimensions_of_another_kind_give_no_ejection_fraction(tmp_path):
    model = make_model(tmp_path / "model", cavity="bright")
    scan = open_scan(stated(tmp_path / "p"))
    predictor = SegmentPredictor(model, "cpu")
    done = predictor({"image": replace(scan, t_meaning="diffusion", frame_ms=None)}, tmp_path / "a.nii.gz")
    assert {"bright mL, largest", "dark mL, largest"} < set(done.measures)
    assert "ef_from" not in done.measures
