from pathlib import Path

import numpy as np
import pytest

from tasks.detect.tiny import make_cohort, make_encoder, make_model
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.tasks.detect.settings import DetectSettings
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.evaluate.classifier import evaluate_classifier
from vesalius.tasks.evaluate.fit import check_given, check_labels, check_width, labels_of, settings_of
from vesalius.weights.saved import read_config

SETTINGS = DetectSettings(classes=("any", "subdural"), images=("image",))


def test_labels_of_cases_in_the_order_of_the_model():
    cases = [Case(id=str(n), images={"image": "a"}, labels=labels) for n, labels in enumerate([{"subdural": 1}, {}])]
    found = labels_of(Cohort(tuple(cases), Path()), SETTINGS.classes)
    np.testing.assert_array_equal(found, [[np.nan, 1], [np.nan, np.nan]])
    check_labels(found, SETTINGS, "m.jsonl")
    with pytest.raises(UsageError, match=r"m.jsonl: no case has a label of the model's classes"):
        check_labels(found[1:], SETTINGS, "m.jsonl")


def test_models(tmp_path):
    folder = make_model(tmp_path / "model")
    config = read_config(folder)
    assert settings_of(config, folder).classes == SETTINGS.classes
    check_width(192, config, "x.npy")
    with pytest.raises(UsageError, match=r"x.npy: holds vectors of 7 numbers, the model takes 192"):
        check_width(7, config, "x.npy")
    with pytest.raises(InputError, match="is a model for encode, not for detect"):
        settings_of(read_config(make_encoder(tmp_path / "encoder")), folder)


def test_one_cohort_or_vectors():
    check_given(Path("m.jsonl"), {"embeddings": None, "labels": None}, "test")
    with pytest.raises(UsageError, match="there is nothing to measure on"):
        check_given(None, {"embeddings": None, "labels": None}, None)


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
        evaluate_classifier(model, tmp_path / "m.jsonl", tmp_path / "out", cache=tmp_path / "cache", device="cpu")
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "out").exists()


def test_a_model_without_its_encoder_is_incomplete(tmp_path):
    model, manifest = make_model(tmp_path / "model"), make_cohort(tmp_path / "data", 2, 1)
    (model / "encoder.safetensors").unlink()
    with pytest.raises(CorruptFileError, match=r"encoder.safetensors: is missing from the model folder"):
        evaluate_classifier(model, manifest, tmp_path / "out", device="cpu")
