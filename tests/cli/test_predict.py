import json
import os
from pathlib import Path

import numpy as np
import pytest

from tasks.detect.tiny import AFFINE, head, make_encoder
from tasks.detect.tiny import make_model as make_detector
from tasks.predict.test_run import make_model
from tasks.segment.small import make_cohort
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.phantom.nifti import write_nifti


@pytest.fixture
def run(vesalius):
    """run(MODEL, ...): exit code, stdout and stderr of `vesalius predict ...`."""

    def command(*words):
        done = vesalius("predict", *words)
        return done.code, done.out, done.err

    return command


def test_a_folder_of_scans(run, tmp_path):
    make_cohort(tmp_path / "data", ("test",))
    (tmp_path / "data" / "c0_seg.nii.gz").unlink()
    (tmp_path / "data" / "m.jsonl").unlink()
    model = make_model(tmp_path / "model")
    code, out, err = run(model, tmp_path / "data", "-o", tmp_path / "out", "--json", "--device", "cpu")
    assert code == 0, err
    assert list(json.loads(out)["results"]) == ["c0"]
    code, out, err = run(model, tmp_path / "data", tmp_path / "none", "-o", tmp_path / "out")
    assert code == 2
    assert "finished before" in out
    assert "failed" in out


def test_no_model(run, tmp_path):
    code, out, err = run("segment/none", tmp_path, "-o", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "neither a folder nor a model" in err
    assert err.count("\n") == 1


def test_findings_and_refusals_in_one_line_each(run, tmp_path):
    """A head is found through, an offset one and an empty one are refused by name; the rest goes on."""
    study = head_ct_study(HeadCtOptions(matrix=96, slices=12, thickness_mm=12.0, subslices=1), 0, 0)
    image = study.image_IJK[None]
    (tmp_path / "data").mkdir()
    for name, array in {"head": image, "offset": image + np.int16(1024), "empty": image * np.int16(0)}.items():
        write_nifti(tmp_path / "data" / f"{name}.nii.gz", array.astype(np.int16), study.affine)
    model = make_detector(tmp_path / "model", check="head-ct")
    code, out, err = run(
        model, tmp_path / "data", "-o", tmp_path / "out", "--device", "cpu", "--threads", "1", "--top-k", "2"
    )
    assert code == 2, err
    told = out.splitlines()
    assert told[0].startswith("warning: limits of the model: ")
    assert told[1].startswith("head: any 0.")
    failed = [line for line in told if line.startswith("failed")]
    assert ["empty.nii.gz" in line or "offset.nii.gz" in line for line in failed] == [True, True]
    assert "pass --intercept -1024" in next(line for line in failed if "offset" in line)
    assert len(json.loads((tmp_path / "out" / "head" / "summary.json").read_text())["top_slices"]) == 2
    page = (tmp_path / "out" / "report.html").read_text()
    assert "one value everywhere" in page
    assert "pass --intercept -1024" in page
    assert out.count("pass --intercept -1024") == 1
    code, out, err = run(tmp_path / "none", tmp_path, "-o", tmp_path / "three", "--heat-map", "gradient")
    assert (code, out) == (2, "")
    assert "rollout" in err


def test_names_that_are_not_utf_8(vesalius, tmp_path):
    """They stand as escapes in the reports of both kinds of model, and in the folder as they are."""
    scan, folder = (Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/na\xefve.nii.gz", b"/o\xe9"))
    write_nifti(scan, head(0, False)[None], AFFINE)
    for kind, make in (("detector", make_detector), ("segmenter", make_model)):
        output = folder.with_name(f"{folder.name}-{kind}")
        done = vesalius("predict", make(tmp_path / kind), scan, "-o", output, "--device", "cpu")
        assert (done.code, done.err) == (0, "")
        (study,) = json.loads((output / "summary.json").read_text())["results"]["studies"].values()
        assert study["source"].endswith(r"na\udcefve.nii.gz")
        assert vesalius("report", output).code == 0
        assert rf"-o o\udce9-{kind}" in (output / "report.html").read_text()
    encoder = make_encoder(tmp_path / "encoder")
    done = vesalius("embed", encoder, scan, "-o", tmp_path / "vectors", "--cache", tmp_path / "cache")
    assert done.error.startswith(r"images.image: 'na\udcefve.nii.gz' was given")


def test_several_models(run, tmp_path):
    make_cohort(tmp_path / "data", ("test",))
    models = [make_model(tmp_path / f"fold{seed}", seed=seed) for seed in range(2)]
    code, out, _ = run(*models, tmp_path / "data" / "c0.nii.gz", "-o", tmp_path / "out", "--json", "-q")
    assert code == 0
    assert list(json.loads(out)["models"]) == ["fold0", "fold1"]
    code, _, err = run(models[0], models[1], "-o", tmp_path / "none")
    assert code == 2
    assert err.count("\n") == 1
    assert "is a model, and no input follows" in err
    other = make_model(tmp_path / "other", labels={"bright": [4], "grey": [7]})
    code, _, err = run(models[0], other, tmp_path / "data" / "c0.nii.gz", "-o", tmp_path / "none")
    assert code == 2
    assert err.count("\n") == 1
    assert "average models of the same images and classes" in err
    code, _, err = run(
        "finetune/blood_cells", "finetune/blood_cells", tmp_path / "data" / "c0.nii.gz", "-o", tmp_path / "none"
    )
    assert code == 2
    assert "models for finetune are not averaged; name one model" in err
    assert not (tmp_path / "none").exists()
