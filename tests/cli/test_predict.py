import json
import subprocess
import sys

from tasks.predict.test_predict import make_model
from tasks.segment.small import make_cohort


def run(*words):
    done = subprocess.run(
        [sys.executable, "-m", "vesalius", "predict", *map(str, words)], capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_a_folder_of_scans(tmp_path):
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


def test_no_model(tmp_path):
    code, out, err = run("segment/none", tmp_path, "-o", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "neither a folder nor a model" in err
    assert err.count("\n") == 1
