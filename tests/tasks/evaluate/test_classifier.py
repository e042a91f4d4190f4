import csv
import json
import shutil

import numpy as np
import pytest
import yaml
from sklearn.metrics import average_precision_score, roc_auc_score

from tasks.detect.tiny import make_cohort, make_encoder, make_model
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import CorruptFileError, InputError, OutputError, UsageError
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.evaluate.classifier import evaluate_classifier, lines
from vesalius.tasks.evaluate.classifier_options import ClassifierOptions
from vesalius.tasks.train.run import train

ABOUT_THE_RUN = {
    "part",
    "prevalences",
    "invalid_nifti_report",
    "steps",
    "best_step",
    "best",
    "limits",
    "model",
    "split",
}
NAMES = ("embeddings", "labels", "patients")


def evaluate(model, cohort, output, *, device="auto", force=False, **options):
    return evaluate_classifier(model, cohort, output, ClassifierOptions(**options), device=device, force=force)


def numbers(results):
    return {name: value for name, value in results.items() if name not in ABOUT_THE_RUN}


def summary(run):
    return json.loads((run / "summary.json").read_text())["results"]


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs on scans, each with its own label or a label for the two of a study; and what they were trained on."""
    folder = tmp_path_factory.mktemp("evaluate")
    manifest = make_cohort(folder / "data", patients=30)
    whole = read_manifest(manifest)
    joined = tuple(case.model_copy(update={"study": f"of-{case.patient}"}) for case in whole)
    write_manifest(Cohort(joined, whole.root), folder / "data" / "joined.jsonl")
    make_encoder(folder / "encoder")
    for name, data in {"m": {}, "joined": {"unit": "study", "slices": {"stride": 2}}}.items():
        config = {
            "task": "detect",
            "data": {
                "manifest": str(folder / "data" / f"{name}.jsonl"),
                "encoder": str(folder / "encoder"),
                "cache": str(folder / "cache"),
                "ratios": [0.3, 0.3, 0.4],
                **data,
            },
            "aggregate": {"name": "mean"},
            "batch": 8,
            "train": {"epochs": 1, "optimizer": {"lr": 1e-4}},
        }
        (folder / "c.yaml").write_text(yaml.safe_dump(config))
        train(folder / "c.yaml", folder / name, device="cpu")
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A run on vectors, and the files of its test part alone."""
    folder = tmp_path_factory.mktemp("bare")
    draw = np.random.default_rng(0)
    labels = np.repeat(draw.random((90, 2)) < 0.4, 2, axis=0).astype(np.float32)
    x = draw.normal(size=(180, 8)).astype(np.float32)
    x[:, 0] += labels[:, 0]
    parts = np.repeat(["train", "val", "test"], 60)
    arrays = {"embeddings": x, "labels": labels, "patients": np.repeat(np.arange(90), 2), "splits": parts}
    words = ["data.classes=[any,sub]", "train.epochs=2", "batch=16"]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        np.save(folder / f"test_{name}.npy", array[parts == "test"])
        words.append(f"data.{name}={folder}/{name}.npy")
    train("detect/head_from_embeddings", folder / "run", words, device="cpu")
    return folder


def vectors(folder):
    return {name: folder / f"test_{name}.npy" for name in NAMES}


@pytest.mark.parametrize("name", ["m", "joined"])
def test_the_test_part_of_a_run_again_gives_the_same_numbers(made, tmp_path, monkeypatch, name):
    run = made / name
    monkeypatch.setattr(Encoder, "embed", lambda *_: pytest.fail("the vectors are in the cache"))
    done = evaluate(run, run / "splits" / "test.csv", tmp_path / "out", cache=made / "cache", device="cpu")
    then, now = summary(run), summary(tmp_path / "out")
    assert then["part"] == "test"
    assert numbers(now) == numbers(then)
    assert now["studies"] == (2 if name == "m" else 1) * now["patients"]
    assert now["prevalences"]["cohort"] == then["prevalences"]["test"]
    assert now == done.results
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["auroc"] == then["auroc"]
    for file in ("probs.npy", "table.csv"):
        assert (tmp_path / "out" / file).read_bytes() == (run / file).read_bytes()
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")}
    assert names == {
        "summary.json",
        "table.csv",
        "report.html",
        "figures",
        "figures/reliability.png",
        "metrics.json",
        "probs.npy",
    }


def test_measures_equal_those_of_scikit_learn(made, tmp_path):
    done = evaluate(made / "m" / "model", made / "data" / "m.jsonl", tmp_path / "out", cache=made / "cache")
    rows = table(tmp_path / "out" / "table.csv")
    for name, one in done.results["classes"].items():
        own = [row for row in rows if row["class"] == name]
        truth, p = [float(row["label"]) for row in own], [float(row["probability"]) for row in own]
        assert one["auroc"]["value"] == pytest.approx(roc_auc_score(truth, p))
        assert one["auprc"]["value"] == pytest.approx(average_precision_score(truth, p))
        assert one["positive"] == sum(truth)
    shown = "\n".join(lines(done))
    assert "AUROC" in shown
    assert "sensitivity" in shown
    assert "the training data was not checked" in shown
    page = (tmp_path / "out" / "report.html").read_text()
    assert "nothing was chosen on this cohort" in page
    assert "vesalius evaluate classifier model m.jsonl -o out" in page
    assert str(tmp_path) not in page + (tmp_path / "out" / "summary.json").read_text()


def test_other_labels_change_no_threshold_and_missing_ones_are_told(made, tmp_path):
    """Labels turned round, one class not labelled, one that the model does not know."""
    cohort = read_manifest(made / "m" / "splits" / "test.csv")
    turned = [
        case.model_copy(update={"labels": {"any": 1 - case.labels["any"], "tumour": 1.0}, "patient": None})
        for case in cohort
    ]
    write_manifest(Cohort(tuple(turned), cohort.root), tmp_path / "turned.jsonl")
    done = evaluate(made / "m", tmp_path / "turned.jsonl", tmp_path / "out", cache=made / "cache")
    then, now = summary(made / "m")["classes"], done.results["classes"]
    for name, one in now.items():
        assert (one["threshold"], one["temperature"]) == (then[name]["threshold"], then[name]["temperature"])
    assert now["any"]["auroc"]["value"] == pytest.approx(1 - then["any"]["auroc"]["value"])
    assert now["subdural"]["auroc"]["value"] is None
    assert done.results["auroc"]["value"] == now["any"]["auroc"]["value"]
    shown = "\n".join(lines(done))
    assert "note: The cohort has no labels for subdural" in shown
    assert "note: The model does not know tumour" in shown
    assert "note: Some cases have no patient" in shown


def test_one_split_of_a_manifest(made, tmp_path):
    parts = [
        case.model_copy(update={"split": name})
        for name in ("train", "test")
        for case in read_manifest(made / "m" / "splits" / f"{name}.csv")
    ]
    write_manifest(Cohort(tuple(parts), made / "m" / "splits"), tmp_path / "both.jsonl")
    given = {"cache": made / "cache", "device": "cpu"}
    done = evaluate(made / "m", tmp_path / "both.jsonl", tmp_path / "out", split="test", **given)
    assert numbers(done.results) == numbers(summary(made / "m"))
    with pytest.raises(UsageError, match=r"no case is in split 'val'; the cohort has train, test"):
        evaluate(made / "m", tmp_path / "both.jsonl", tmp_path / "other", split="val", **given)


def test_a_table_of_series_with_rows_that_lead_nowhere(tmp_path):
    make_cohort(tmp_path / "data", patients=4)
    model = make_model(tmp_path / "model")
    rows = [{"nifti_path": f"p{p:02d}s0.nii.gz", "patient_id": p, "any": p % 2, "subdural": 0} for p in range(4)]
    rows += [{"nifti_path": "none.nii.gz"}, {"nifti_path": "broken.nii.gz"}]
    (tmp_path / "data" / "broken.nii.gz").write_bytes(b"broken")
    with (tmp_path / "data" / "series.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    given = (model, tmp_path / "data" / "series.csv", tmp_path / "out")
    with pytest.raises(InputError, match=r"1 rows lead to no scan.*--skip-invalid"):
        evaluate(*given, cache=tmp_path / "cache")
    done = evaluate(*given, cache=tmp_path / "cache", skip_invalid=True)
    assert done.results["studies"] == 4
    assert done.results["invalid_nifti_report"]["count"] == 2
    shown = "\n".join(lines(done))
    assert "Cases that cannot be read and are left out: 2, namely " in shown
    assert "All known labels of subdural are negative, so there is no AUROC for it" in shown


def test_vectors_give_the_same_numbers_as_the_run(bare, tmp_path):
    done = evaluate(bare / "run", None, tmp_path / "out", **vectors(bare))
    assert numbers(done.results) == numbers(summary(bare / "run"))
    assert (tmp_path / "out" / "probs.npy").read_bytes() == (bare / "run" / "probs.npy").read_bytes()
    labels = np.load(bare / "test_labels.npy")
    (tmp_path / "y.csv").write_text("sub\n" + "\n".join(str(one) for one in labels[:, 1]) + "\n")
    again = evaluate(
        bare / "run", None, tmp_path / "csv", **{**vectors(bare), "labels": tmp_path / "y.csv", "patients": None}
    )
    found = [one.results["classes"]["sub"]["auroc"]["value"] for one in (done, again)]
    assert found[0] == found[1]
    assert again.results["patients"] is None
    assert again.results["intervals"] == "by study (patients unknown)"
    assert "60 studies (patients unknown)" in "\n".join(lines(again))
    assert "note: The cohort has no labels for any" in "\n".join(lines(again))


def test_vectors_of_a_run_on_scans(made, tmp_path):
    """What a run on scans left of its test part, each slice with the label of its study."""
    run = made / "m"
    index = table(run / "features" / "test_index.csv")
    (tmp_path / "studies.txt").write_text("\n".join(row["study"] for row in index))
    (tmp_path / "patients.txt").write_text("\n".join(row["patient"] for row in index))
    given = {name: run / "features" / f"test_{name}.npy" for name in ("embeddings", "labels")}
    given |= {name: tmp_path / f"{name}.txt" for name in ("studies", "patients")}
    done = evaluate(run, None, tmp_path / "out", **given)
    assert numbers(done.results) == numbers(summary(run))
    assert "it was not checked that the vectors come from the encoder" in "\n".join(lines(done)).lower()


def test_what_does_not_fit_is_refused(made, bare, tmp_path):
    given = vectors(bare)
    out = tmp_path / "out"
    np.save(tmp_path / "wide.npy", np.ones((60, 5), np.float32))
    with pytest.raises(UsageError, match="holds vectors of 5 numbers, the model takes 8"):
        evaluate(bare / "run", None, out, **{**given, "embeddings": tmp_path / "wide.npy"})
    np.save(tmp_path / "none.npy", np.full((60, 2), np.nan))
    with pytest.raises(UsageError, match=r"no case has a label of the model's classes \(any, sub\)"):
        evaluate(bare / "run", None, out, **{**given, "labels": tmp_path / "none.npy"})
    np.save(tmp_path / "half.npy", np.full((60, 2), 0.5))
    with pytest.raises(UsageError, match="other labels than 0 and 1"):
        evaluate(bare / "run", None, out, **{**given, "labels": tmp_path / "half.npy"})
    with pytest.raises(InputError, match=r"was trained on precomputed vectors.*pass --embeddings"):
        evaluate(bare / "run", made / "data" / "m.jsonl", out)
    with pytest.raises(InputError, match=r"is a model for segment.*evaluate masks"):
        evaluate("segment/cine_unet", made / "data" / "m.jsonl", out)
    with pytest.raises(InputError, match=r"is a model for encode, not a classifier; name a model of train detect"):
        evaluate(made / "encoder", made / "data" / "m.jsonl", out)
    with pytest.raises(InputError, match="is neither a folder nor a model"):
        evaluate(tmp_path / "nothing", made / "data" / "m.jsonl", out)
    with pytest.raises(InputError, match="cannot be read"):
        evaluate(made / "m", tmp_path / "nothing.jsonl", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("cohort", "names", "split", "message"),
    [
        ("m.jsonl", NAMES, None, "--embeddings: belongs to vectors, and a cohort was given"),
        (None, (), None, "COHORT: there is nothing to measure on"),
        (None, ("embeddings",), None, "--labels: is missing"),
        (None, ("labels", "patients"), None, "--embeddings: is missing"),
        (None, NAMES, "test", "--split: only a manifest has splits"),
    ],
)
def test_one_cohort_or_vectors_with_labels(bare, tmp_path, cohort, names, split, message):
    given = {name: path for name, path in vectors(bare).items() if name in names}
    with pytest.raises(UsageError, match=message):
        evaluate(bare / "run", cohort and tmp_path / cohort, tmp_path / "out", split=split, **given)


def test_a_model_whose_parts_do_not_belong_together(made, tmp_path):
    shutil.copytree(made / "m" / "model", tmp_path / "model")
    make_encoder(tmp_path / "other", seed=5)
    shutil.copyfile(tmp_path / "other" / "encoder.safetensors", tmp_path / "model" / "encoder.safetensors")
    with pytest.raises(CorruptFileError, match="not the encoder that the head was trained on"):
        evaluate(tmp_path / "model", made / "data" / "m.jsonl", tmp_path / "out")
    path = tmp_path / "model" / "calibration.json"
    path.write_text(path.read_text().replace("subdural", "epidural"))
    with pytest.raises(CorruptFileError, match="to other classes"):
        evaluate(tmp_path / "model", made / "data" / "m.jsonl", tmp_path / "out")


def test_written_whole_or_not_at_all(bare, tmp_path, monkeypatch):
    out = tmp_path / "out"
    few = {name: tmp_path / "few" / f"{name}.npy" for name in NAMES}  # too few patients for intervals: fast
    (tmp_path / "few").mkdir()
    for name, path in vectors(bare).items():
        np.save(few[name], np.load(path)[:16])
    with monkeypatch.context() as patch:
        patch.setattr("vesalius.tasks.evaluate.classifier.publish", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            evaluate(bare / "run", None, out, **few)
    assert list(tmp_path.iterdir()) == [tmp_path / "few"]
    evaluate(bare / "run", None, out, **few)
    with pytest.raises(OutputError, match="exists already"):
        evaluate(bare / "run", None, out, **few)
    evaluate(bare / "run", None, out, force=True, **few)


@pytest.mark.parametrize(
    ("name", "factor", "message"),
    [("any", 2, "the label any is 2 in 1 of 2 cases, not 0 or 1"), ("other", 1, "no case has")],
)
def test_what_does_not_fit_is_told_before_a_scan_is_looked_at(tmp_path, monkeypatch, name, factor, message):
    model, cohort = make_model(tmp_path / "model"), read_manifest(make_cohort(tmp_path / "data", 2, 1))
    changed = [case.model_copy(update={"labels": {name: factor * case.labels["any"]}}) for case in cohort]
    write_manifest(Cohort(tuple(changed), cohort.root), tmp_path / "m.jsonl")
    monkeypatch.setattr(Encoder, "embed", lambda *_: pytest.fail("a scan was looked at"))
    with pytest.raises(UsageError, match=message):
        evaluate(model, tmp_path / "m.jsonl", tmp_path / "out", cache=tmp_path / "cache", device="cpu")
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "out").exists()


def test_a_model_without_its_encoder_is_incomplete(tmp_path):
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", 2, 1)
    (model / "encoder.safetensors").unlink()
    with pytest.raises(CorruptFileError, match=r"encoder.safetensors: is missing from the model folder"):
        evaluate(model, manifest, tmp_path / "out", device="cpu")
