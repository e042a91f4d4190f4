"""The classifiers of pictures in the package, on real pictures, by the command line."""

import json

import numpy as np

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest

CELLS, XRAYS = "finetune/blood_cells", "finetune/cxr_pneumonia"


def predict(vesalius, model, cohort, folder, *options):
    manifest = write_manifest(cohort, folder / "pictures.jsonl")
    done = vesalius("predict", model, manifest, "-o", folder / "found", "--device", "cpu", "--json", "-q", *options)
    assert done.code == 0, done.err
    return done.told


def test_each_cell_of_unseen_smears_has_its_class(vesalius, data_dir, tmp_path):
    cohort = build_cohort("voc", data_dir / "blood-cells" / "BCCD", ["unit=box"])
    test = [case for case in cohort if case.split == "test"]
    chosen = [case for name in cohort.classes for case in [case for case in test if case.labels[name]][::20][:4]]
    result = predict(vesalius, CELLS, Cohort(tuple(chosen), cohort.root), tmp_path)
    called = {study: measures["class"] for study, measures in result["results"].items()}
    right = [case.labels[called[case.id]] for case in chosen]
    assert len(right) == 12
    assert np.mean(right) >= 0.9
    assert "finds no cells" in json.dumps(result["limits"])


def test_the_leading_finding_of_an_xray_is_drawn(vesalius, data_dir, tmp_path):
    cohort = build_cohort("nih", data_dir / "cxr-nih")
    one = Cohort(cohort.cases[:1], cohort.root)
    result = predict(vesalius, XRAYS, one, tmp_path, "--heat-map", "grad-cam")
    (measures,) = result["results"].values()
    assert 0 < measures["classes"]["Pneumonia"]["probability"] < 1
    assert list((tmp_path / "found").rglob("heat_map.png"))
    assert "one hospital" in json.dumps(result["limits"])
