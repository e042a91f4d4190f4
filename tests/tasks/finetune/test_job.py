import csv

import numpy as np
import pytest
import yaml

from tasks.finetune.small import make_pictures, make_volumes, of_pictures, of_volumes
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import UsageError
from vesalius.tasks.detect.encoder import Encoder
from vesalius.tasks.detect.slices import Slices
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.tasks.train.dry_run import dry_run
from vesalius.tasks.train.train import train


def saved(folder, table):
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(table))
    return path


def test_slices_from_training_to_an_encoder_that_detection_takes(tmp_path):
    cohort = read_manifest(make_volumes(tmp_path / "data"))
    done = train(saved(tmp_path, of_volumes(tmp_path / "data" / "m.jsonl")), tmp_path / "run", device="cpu")
    results = done["results"]
    assert (results["part"], results["slices"], results["patients"]) == ("test", 24, 4)
    assert results["classes"]["bright"]["auroc"]["value"] > 0.9
    assert results["classes"]["dark"]["auroc"]["value"] > 0.9
    with (tmp_path / "run" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 * 3
    assert {row["patient"] for row in rows} == {"1", "2", "3", "4"}
    assert "Findings of held-out slices" in (tmp_path / "run" / "report.html").read_text()
    encoder = Encoder.from_pretrained(tmp_path / "run")
    slices = Slices.of(open_image(cohort, cohort.cases[0], "image"), encoder.contract.prepare)
    assert encoder.embed(slices, np.arange(6)).shape == (6, 128)


def test_pictures_with_labels_of_their_own(tmp_path):
    make_pictures(tmp_path / "data")
    path = saved(tmp_path, of_pictures(tmp_path / "data" / "m.jsonl"))
    assert dry_run(path, [], device="cpu")["estimate"]["steps"] > 0
    results = train(path, tmp_path / "run", device="cpu")["results"]
    assert results["pictures"] == 12
    assert results["classes"]["left"]["auroc"]["value"] == 1.0
    assert results["classes"]["never"]["auroc"]["value"] is None


def test_a_cohort_without_labels_is_refused(tmp_path):
    cohort = read_manifest(make_pictures(tmp_path / "data"))
    bare = type(cohort)(tuple(case.model_copy(update={"labels": {}}) for case in cohort), cohort.root)
    write_manifest(bare, tmp_path / "data" / "bare.jsonl")
    with pytest.raises(UsageError, match="no case has a label"):
        FinetuneJob(FinetuneConfig.parse(of_pictures(tmp_path / "data" / "bare.jsonl")))
