import csv
import json

import numpy as np

from tasks.detect.tiny import random_studies
from vesalius.tasks.detect.outputs import feature_files, result_files


def test_files_that_plain_readers_understand(tmp_path):
    studies = random_studies(5, ragged=True)
    files = feature_files({"train": studies, "test": random_studies(1)}) | result_files({"a": 1}, np.eye(2))
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
