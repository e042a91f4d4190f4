import csv
import json

import numpy as np
import pytest
import yaml

from tasks.detect.tiny import make_cohort, make_encoder
from vesalius.errors import UsageError, VesaliusError
from vesalius.nets.bit import BiT
from vesalius.tasks.detect.config import DetectConfig
from vesalius.tasks.detect.job import DetectJob
from vesalius.tasks.embed.run import embed
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.options import EmbedOptions
from vesalius.tasks.train.dry_run import dry_run
from vesalius.tasks.train.run import train
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
    run, results = tmp_path / "run", done.results
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
    for name in ("calibration.json", "head.safetensors"):
        assert (tmp_path / "a" / "model" / name).read_bytes() == (tmp_path / "b" / "model" / name).read_bytes()
    told = [json.loads((tmp_path / run / "metrics.json").read_text())["auroc"] for run in "ab"]
    assert told[0] != told[1]


def test_dry_run_of_bare_embeddings(bare):
    told = dry_run("detect/head_from_embeddings", bare, device="cpu")
    assert told.failed == 0
    assert told.estimate["steps"] > 0


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
    assert told.failed > 0  # the audit sees the broken one
    assert sum(part.cases for part in told.parts) == 31  # as the run counts
    whole = dry_run(config(tmp_path), ["data.skip_invalid=false"], device="cpu")
    assert sum(part.cases for part in whole.parts) == 32
    seen, real = [], Encoder.embed
    monkeypatch.setattr(Encoder, "embed", lambda *given: seen.append(1) or real(*given))
    done = train(config(tmp_path), tmp_path / "run", device="cpu")
    run, results = tmp_path / "run", done.results
    assert len(seen) == 31
    assert results["classes"]["any"]["auroc"]["value"] == 1.0  # blood as bright as bone
    assert results["invalid_nifti_report"]["count"] == 1
    assert results["invalid_nifti_report"]["examples"][0]["case"] == "p03s0"
    names = {path.name for path in (run / "features").iterdir()}
    kinds = ("embeddings.npy", "index.csv", "pooled.npy", "labels.npy", "labels.txt")
    assert names == {f"{part}_{kind}" for part in ("train", "val", "test") for kind in kinds}
    assert (run / "model" / "preprocessor.json").exists()
    assert (run / "model" / "encoder.safetensors").read_bytes() == (
        tmp_path / "encoder" / "encoder.safetensors"
    ).read_bytes()
    assert (run / "model" / "calibration.json").exists()
    again = train(config(tmp_path), tmp_path / "again", device="cpu")
    assert len(seen) == 31
    assert again.results == results
    train(config(tmp_path, window="brain-subdural-bone", side=32), tmp_path / "window", device="cpu")
    assert len(seen) == 62


def test_a_test_split_without_positives_is_said_before_training(bare, tmp_path, monkeypatch):
    labels = np.load(tmp_path / "y.npy")
    labels[90:, 1] = 0
    np.save(tmp_path / "y.npy", labels)
    np.save(tmp_path / "s.npy", np.repeat(["train", "val", "test"], [60, 30, 30]))
    words, said = [*bare, f"data.splits={tmp_path}/s.npy", "data.classes=[any,sub]"], []
    monkeypatch.setattr("vesalius.tasks.train.run.Loop.run", lambda *_, **__: said.append("training") or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train("detect/head_from_embeddings", tmp_path / "run", words, device="cpu", progress=said.append)
    note = "note: none of the 30 cases of the test split is positive for sub, so the report will have no AUROC for it"
    assert [line.partition(";")[0] for line in said][-2:] == [note, "training"]


def test_labels_of_one_kind_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(30, dtype=np.float32))
    np.save(tmp_path / "y.npy", np.zeros((30, 2)))
    data = {"embeddings": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.npy")}
    with pytest.raises(UsageError, match="not both positive and negative labels"):
        DetectJob(DetectConfig.parse({"data": data}))


def rows(folder, **columns):
    """A table of series of the small cohort; a column is a function of the number of the patient and the study."""
    make_cohort(folder, patients=12)
    lines = [",".join(("nifti_path", "patient_id", *columns))]
    for patient in range(12):
        for study in range(2):
            cells = [str(value(patient, study)) for value in columns.values()]
            lines.append(",".join((f"p{patient:02d}s{study}.nii.gz", f"Doe{patient}", *cells)))
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return folder / "t.csv"


def bleeds(patient, _):
    return patient % 2


def parts(patient, _):
    return ("train", "train", "train", "train", "val", "test")[patient // 2]


@pytest.mark.parametrize(
    ("columns", "words", "message"),
    [
        ({"any": bleeds, "split": lambda p, s: ("train", "val")[s]}, [], "12 patients are in more than one split"),
        ({"any": bleeds, "split": lambda p, _: ("train", "dev")[p % 2]}, [], "unknown splits: dev"),
        ({"any": bleeds, "split": lambda p, _: ("train", "val", "")[p % 3]}, [], "8 of 24 cases have no split"),
        ({"any": lambda p, _: p % 2 / 2}, [], "the label any is 0.5 in 12 of 24 cases, not 0 or 1"),
        ({"any": lambda p, _: ("inf", "1")[p % 2]}, [], "line 2: the label any is infinite"),
        ({"fracture": lambda p, _: p % 3}, ["data.classes=[fracture]"], "the label fracture is 2 in 8 of 24 cases"),
        ({"any": bleeds}, ["data.classes=[bogus]"], "no case has a label bogus; choose from any"),
        ({"any": bleeds}, ["data.classes=[any,any]"], "any is named 2 times"),
        ({"any": bleeds}, ["data.fold=1"], "the manifest has no folds"),
        ({"any": bleeds}, ["loss.slices=0.5"], "loss.slices: no single slice has labels"),
        ({}, [], "no case has a label; give its cases labels of 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_anything_begins(tmp_path, columns, words, message):
    table = rows(tmp_path / "data", **columns)
    words = [f"data.manifest={table}", f"data.encoder={tmp_path / 'none'}", *words]
    with pytest.raises(VesaliusError, match=message) as told:
        train("detect/head_ct_phantom", tmp_path / "run", words, device="cpu")
    assert "Doe" not in str(told.value)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "run").exists()


def test_labels_and_splits_of_a_table_are_taken_and_what_is_odd_is_told(tmp_path):
    columns = {"fracture": bleeds, "subdural": bleeds, "any": lambda *_: 0, "split": parts}
    table = rows(tmp_path / "data", **columns)
    words = [f"data.manifest={table}", f"data.encoder={make_encoder(tmp_path / 'encoder')}", "train.epochs=2"]
    words.append(f"data.cache={tmp_path / 'cache'}")
    done = train("detect/head_ct_phantom", tmp_path / "run", words, device="cpu")
    assert list(done.results["classes"]) == ["any", "subdural", "fracture"]
    with (tmp_path / "run" / "splits" / "val.csv").open() as file:
        assert {row["patient"] for row in csv.DictReader(file)} == {"Doe8", "Doe9"}
    page = (tmp_path / "run" / "report.html").read_text()
    assert "abels of 12 of 24 cases contradict each other" in page
    assert "every label of any is negative" in page
    assert "abel columns besides those of RSNA: 1 (fracture)" in page


def test_bare_splits_of_one_patient_are_refused(bare, tmp_path):
    np.save(tmp_path / "s.npy", np.tile(["train", "val"], 60))
    words = [*bare, f"data.splits={tmp_path}/s.npy"]
    with pytest.raises(UsageError, match=r"s\.npy: 60 patients are in more than one split"):
        train("detect/head_from_embeddings", tmp_path / "run", words, device="cpu")
    assert not (tmp_path / "run").exists()


def test_slices_are_learned_from_where_they_have_labels(bare, tmp_path):
    with pytest.raises(UsageError, match="no single slice has labels"):
        train("detect/head_from_embeddings", tmp_path / "run", [*bare, "loss.slices=1"], device="cpu")
    (tmp_path / "studies.txt").write_text("".join(f"s{n // 2}\n" for n in range(120)))
    words = [*bare, f"data.studies={tmp_path}/studies.txt", "loss.slices=1", "train.epochs=1"]
    train("detect/head_from_embeddings", tmp_path / "run", words, device="cpu")


def test_an_encoder_that_gives_a_map(tmp_path):
    """BiT has no class token: the mean of its last map is the vector of a slice."""
    manifest = make_cohort(tmp_path / "data", patients=12, per_patient=1)
    encoder = make_encoder(tmp_path / "encoder", config=BiT(depths=(1, 1, 1, 1)))
    options = EmbedOptions(most=2, cache=tmp_path / "cache")
    result = embed(tmp_path / "data" / "p00s0.nii.gz", tmp_path / "vectors", str(encoder), options, device="cpu")
    assert (result.slices, result.dim) == (2, 2048)
    assert np.load(tmp_path / "vectors" / "similarity_map.npy").shape == (1, 1)
    table = {
        "task": "detect",
        "data": {
            "manifest": str(manifest),
            "encoder": str(encoder),
            "cache": str(tmp_path / "cache"),
            "slices": {"most": 2},
            "ratios": [0.5, 0.5, 0.0],
        },
        "batch": 4,
        "train": {"epochs": 1},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(table))
    assert train(tmp_path / "c.yaml", tmp_path / "run", device="cpu").results["part"] == "val"
    assert Encoder.from_pretrained(tmp_path / "run").width == 2048
