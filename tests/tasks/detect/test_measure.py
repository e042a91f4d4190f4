import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tasks.detect.tiny import make_model, random_studies
from vesalius.cohort.case import Problem
from vesalius.errors import InputError
from vesalius.nets.head import StudyHead
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.detect.measure import feature_files, measure_model, result_files, score, tensors_of
from vesalius.tasks.detect.studies import Studies, Vectors
from vesalius.weights.saved import from_pretrained


@pytest.fixture
def model(tmp_path):
    return make_model(tmp_path / "model")


def studies(count=30, seed=0):
    """Studies of one slice each, 15 patients with two of them; some labels are not known."""
    draw = np.random.default_rng(seed)
    rows = tuple(np.array([n]) for n in range(count))
    vectors = Vectors(draw.normal(size=(count, 192)).astype(np.float32), {}, np.zeros(count, np.int64))
    labels = (draw.random((count, 2)) < 0.4).astype(np.float32)
    labels[:3, 1] = np.nan
    ids, patients = tuple(f"s{n}" for n in range(count)), tuple((f"p{n // 2}", True) for n in range(count))
    return Studies(ids, patients, rows, vectors, labels)


def test_measures_are_those_of_the_net_with_the_stored_calibration(model):
    part = studies()
    found = measure_model(model, {"train": studies(8, 1), "test": part}, "test", "cpu", ["somebody said so"])
    net = from_pretrained(model, only="head").net
    with torch.no_grad():
        x = torch.from_numpy(part.vectors.rows_ND)[:, None]
        logits = net(x, torch.ones(x.shape[:2], dtype=torch.bool))[0].double().numpy()
    results = found.results
    assert (results["part"], results["studies"], results["patients"]) == ("test", 30, 15)
    assert results["classes"]["any"]["auroc"]["value"] == pytest.approx(
        roc_auc_score(part.labels_SC[:, 0], logits[:, 0])
    )
    known = part.labels_SC[3:, 1]
    assert results["classes"]["subdural"]["auroc"]["value"] == pytest.approx(roc_auc_score(known, logits[3:, 1]))
    says = 1 / (1 + np.exp(-logits[:, 0] / 2)) >= 0.5  # temperature and threshold of the model
    truth = part.labels_SC[:, 0] == 1
    assert results["classes"]["any"]["sensitivity"] == pytest.approx(says[truth].mean())
    assert results["classes"]["any"]["specificity"] == pytest.approx(1 - says[~truth].mean())
    assert results["classes"]["subdural"]["sensitivity"] is None  # it has no threshold
    assert set(results["prevalences"]) == {"train", "test"}
    np.testing.assert_allclose([row["logit"] for row in found.rows], logits.ravel(), rtol=1e-5, atol=1e-6)
    assert found.rows[1]["label"] is None
    assert "Somebody said so." in [block.text for block in found.sections[0].blocks if block.kind == "text"]
    assert set(found.measured) == {"AUROC, any", "AUROC, subdural", "AUROC, mean"}
    json.dumps(results, allow_nan=False)


def test_labels_choose_nothing(model):
    part = studies()
    turned = replace(part, labels_SC=1 - part.labels_SC)
    both = [measure_model(model, {"cohort": one}, "cohort", "cpu") for one in (part, turned)]
    kept = Calibration.read(model)
    for found in both:
        classes = found.results["classes"]
        assert tuple(one["threshold"] for one in classes.values()) == kept.thresholds
        assert tuple(one["temperature"] for one in classes.values()) == kept.temperatures
    values = [found.results["classes"]["any"]["auroc"]["value"] for found in both]
    assert sum(values) == pytest.approx(1)
    assert [row["probability"] for row in both[0].rows] == [row["probability"] for row in both[1].rows]


def test_what_could_not_be_read_is_counted(model):
    problems = [Problem("line 2", "nifti_path is empty"), Problem("s7", "/somewhere/s7.nii: is cut short")]
    found = measure_model(model, {"val": studies()}, "val", "cpu", problems=problems)
    report = found.results["invalid_nifti_report"]
    assert (report["count"], report["reasons"]) == (2, {"nifti_path is empty": 1, "cannot be read": 1})


def test_a_model_without_a_calibration(model):
    (model / "calibration.json").unlink()
    with pytest.raises(InputError, match="not a readable calibration"):
        measure_model(model, {"test": studies()}, "test", "cpu")


def test_batches_change_nothing():
    studies = random_studies(11, ragged=True)
    torch.manual_seed(0)
    net = StudyHead.build(inputs=4, outputs=2, hidden=8, aggregate={"name": "gru", "hidden": 4}).make().eval()
    found = score(net, studies, batch=3)
    for number, rows in enumerate(studies.rows):
        x = torch.from_numpy(studies.vectors.rows_ND[rows])[None]
        with torch.no_grad():
            study, _ = net(x, torch.ones(1, len(rows), dtype=torch.bool))
        np.testing.assert_allclose(found.logits_SC[number], study[0].numpy(), atol=1e-5)


def test_tensors_of_a_batch():
    given = tensors_of(random_studies(3).batch([0, 2]))
    assert given["x"].shape == (2, 1, 4)
    assert given["there"].dtype == torch.bool


def test_files_that_plain_readers_understand(tmp_path):
    studies = random_studies(5, ragged=True)
    files = feature_files({"train": studies, "test": random_studies(1)}, ("a", "b")) | result_files({"a": 1}, np.eye(2))
    for name, write in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name)
    rows = np.load(tmp_path / "features" / "train_embeddings.npy")
    with (tmp_path / "features" / "train_index.csv").open() as file:
        index = list(csv.DictReader(file))
    assert len(rows) == len(index)
    pooled = np.load(tmp_path / "features" / "train_pooled.npy")
    for number, study in enumerate(studies.ids):
        own = [int(line["row"]) for line in index if line["study"] == study]
        np.testing.assert_allclose(rows[own].mean(0), pooled[number], rtol=1e-5)
        assert [int(line["slice"]) for line in index if line["study"] == study] == list(range(len(own)))
        assert {line["case"] for line in index if line["study"] == study} == {f"{study} case"}
    np.testing.assert_array_equal(np.load(tmp_path / "features" / "train_labels.npy"), studies.labels_SC)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 1}
    assert np.load(tmp_path / "probs.npy").dtype == np.float32
