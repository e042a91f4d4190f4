import csv
import json

import numpy as np
import pytest
import yaml

from tasks.detect.tiny import make_cohort, make_encoder
from vesalius.errors import UsageError
from vesalius.tasks.detect.config import DetectConfig
from vesalius.tasks.detect.encoder import Encoder
from vesalius.tasks.detect.job import DetectJob
from vesalius.tasks.train.dry_run import dry_run
from vesalius.tasks.train.train import train
from vesalius.weights.saved import from_pretrained

FAST = {"epochs": 12, "optimizer": {"lr": 0.01}}


@pytest.fixture
def bare(tmp_path):
    """Files of vectors: 60 patients with 2 rows each, the first number tells the first class."""
    draw = np.random.default_rng(0)
    labels = np.repeat(draw.random((60, 2)) < 0.4, 2, axis=0).astype(np.float32)
    x = draw.normal(size=(120, 8)).astype(np.float32)
    x[:, 0] += 4 * labels[:, 0]
    for name, array in {"x": x, "y": labels, "p": np.repeat(np.arange(60), 2)}.items():
        np.save(tmp_path / f"{name}.npy", array)
    return [
        f"data.{key}={tmp_path}/{name}.npy"
        for key, name in zip(("embeddings", "labels", "patients"), "xyp", strict=True)
    ]


def test_a_head_from_bare_embeddings(bare, tmp_path):
    words = [*bare, "data.classes=[any,sub]", "train.epochs=8", "batch=16"]
    done = train("detect/head_from_embeddings", tmp_path / "run", words, device="cpu")
    run, results = tmp_path / "run", done["results"]
    assert results["part"] == "test"
    assert results["classes"]["any"]["auroc"]["value"] > 0.9
    probs, kept = np.load(run / "probs.npy"), json.loads((run / "metrics.json").read_text())
    assert probs.shape == (results["studies"], 2)
    assert kept["auroc"] == results["auroc"]
    with (run / "table.csv").open() as file:
        table = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["probability"]) for row in table], probs.ravel(), rtol=1e-5)
    with (run / "splits" / "test.csv").open() as file:
        test = list(csv.DictReader(file))
    with (run / "splits" / "train.csv").open() as file:
        assert not {row["patient"] for row in csv.DictReader(file)} & {row["patient"] for row in test}
    assert (run / "splits" / test[0]["image"].split("#")[0]).exists()
    assert from_pretrained(run, "detect").config.settings["classes"] == ["any", "sub"]
    assert "Not a medical device" in (run / "report.html").read_text()
    assert not (run / "features").exists()
    train("detect/head_from_embeddings", run, words, device="cpu", force=True)


def test_test_labels_cannot_reach_what_is_shipped(bare, tmp_path):
    """Head, temperatures and thresholds stay as they are, whatever the labels of the test part."""
    np.save(tmp_path / "s.npy", np.repeat(["train", "val", "test"], [60, 30, 30]))
    words = [*bare, f"data.splits={tmp_path}/s.npy", "train.epochs=2"]
    train("detect/head_from_embeddings", tmp_path / "a", words, device="cpu")
    labels = np.load(tmp_path / "y.npy")
    labels[90:] = 1 - labels[90:]
    np.save(tmp_path / "y.npy", labels)
    train("detect/head_from_embeddings", tmp_path / "b", words, device="cpu")
    for name in ("calibration.json", "model.safetensors"):
        assert (tmp_path / "a" / "model" / name).read_bytes() == (tmp_path / "b" / "model" / name).read_bytes()
    told = [json.loads((tmp_path / run / "metrics.json").read_text())["auroc"] for run in "ab"]
    assert told[0] != told[1]


def test_dry_run_of_bare_embeddings(bare):
    told = dry_run("detect/head_from_embeddings", bare, device="cpu")
    assert told["failed"] == 0
    assert told["estimate"]["steps"] > 0


def config(tmp_path, **keys):
    table = {
        "task": "detect",
        "data": {
            "manifest": str(tmp_path / "data" / "m.jsonl"),
            "encoder": str(tmp_path / "encoder"),
            "cache": str(tmp_path / "cache"),
            "skip_invalid": True,
            **keys,
        },
        "aggregate": {"name": "top-k", "k": 2},
        "batch": 8,
        "train": FAST,
    }
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(table))
    return path


def test_from_scans_to_a_tested_model_and_nothing_is_extracted_twice(tmp_path, monkeypatch):
    make_cohort(tmp_path / "data", patients=16)
    make_encoder(tmp_path / "encoder")
    (tmp_path / "data" / "p03s0.nii.gz").write_bytes(b"broken")
    told = dry_run(config(tmp_path), ["data.skip_invalid=true"], device="cpu")
    assert told["failed"] > 0  # the audit sees the broken one
    seen, real = [], Encoder.embed
    monkeypatch.setattr(Encoder, "embed", lambda *given: seen.append(1) or real(*given))
    done = train(config(tmp_path), tmp_path / "run", device="cpu")
    run, results = tmp_path / "run", done["results"]
    assert len(seen) == 31
    assert results["classes"]["any"]["auroc"]["value"] == 1.0  # blood as bright as bone
    assert results["invalid_nifti_report"]["count"] == 1
    assert results["invalid_nifti_report"]["examples"][0]["case"] == "p03s0"
    names = {path.name for path in (run / "features").iterdir()}
    kinds = ("embeddings.npy", "index.csv", "pooled.npy", "labels.npy")
    assert names == {f"{part}_{kind}" for part in ("train", "val", "test") for kind in kinds}
    assert (run / "model" / "encoder" / "preprocessor.json").exists()
    assert (run / "model" / "calibration.json").exists()
    again = train(config(tmp_path), tmp_path / "again", device="cpu")
    assert len(seen) == 31
    assert again["results"] == results
    train(config(tmp_path, window="brain-subdural-bone", side=32), tmp_path / "window", device="cpu")
    assert len(seen) == 62


def test_labels_of_one_kind_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(30, dtype=np.float32))
    np.save(tmp_path / "y.npy", np.zeros((30, 2)))
    data = {"embeddings": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.npy")}
    with pytest.raises(UsageError, match="not both positive and negative labels"):
        DetectJob(DetectConfig.parse({"data": data}))
