import json

from PIL import Image

from cohort.audit.planted import FAULTS, manifest, sound
from vesalius.cohort.build import BUILDERS


def test_build(vesalius, tmp_path):
    sound(tmp_path)
    done = vesalius("cohort", "build", "images", tmp_path, "-o", tmp_path / "m.jsonl", "patient=i(.)")
    assert done.code == 0
    assert "all: 20 cases" in done.out
    assert "did you mean 'images'" in vesalius("cohort", "build", "image", tmp_path, "-o", tmp_path / "n.jsonl").error
    assert "ends in .jsonl or .csv" in vesalius("cohort", "build", "auto", tmp_path, "-o", tmp_path / "n.txt").error


def test_help_names_every_layout(vesalius):
    words = vesalius("cohort", "build", "--help").out.replace(",", " ").replace(";", " ").split()
    assert set(BUILDERS) <= set(words)


def test_split_then_audit(vesalius, tmp_path):
    path = manifest(tmp_path, sound(tmp_path))
    done = vesalius("cohort", "split", path, "-o", tmp_path / "out", "--ratios", "3,1,1", "--json")
    assert done.code == 0
    assert next(part["name"] for part in done.told["parts"]) == "all"
    done = vesalius("cohort", "audit", tmp_path / "out" / "manifest.jsonl", "-q")
    assert done.code == 0
    assert "10 cases (10 read): 0 error(s)" in done.out
    done = vesalius("cohort", "shard", tmp_path / "out" / "manifest.jsonl", "-o", tmp_path / "shards")
    assert done.code == 0
    assert "train-000000.tar" in done.out


def test_draw(vesalius, tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    box = {"label": "hard_exudates", "left": 0.1, "top": 0.2, "right": 0.4, "bottom": 0.6}
    path = manifest(tmp_path, [{"id": "a", "images": {"image": "a.png"}, "boxes": [box]}])
    done = vesalius("cohort", "draw", path, "-o", tmp_path / "out", "--caption", "eye", "-q")
    assert done.code == 0
    assert "1 x 'eye, hard exudates'" in done.out
    assert "for training: data.labels={hard_exudates: [1]}" in done.out
    done = vesalius("cohort", "draw", path, "-o", tmp_path / "again", "--classes", "disc, vessels", "--json")
    assert done.code == 2
    assert done.error == "--classes: no box is called disc, vessels; boxes are called hard_exudates"


def test_errors_end_with_2_and_are_told(vesalius, tmp_path):
    rows = sound(tmp_path)
    FAULTS["a line with a wrong key"].plant(tmp_path, rows)
    path = manifest(tmp_path, rows)
    done = vesalius("cohort", "audit", path, "--no-pixels", "--json")
    assert done.code == 2
    assert json.loads(done.out)["findings"][0]["code"] == "bad-line"
    done = vesalius("cohort", "split", path, "-o", tmp_path / "out")
    assert "1 bad line(s): line 11: patiant: no such key; did you mean 'patient'?" in done.error
    done = vesalius("cohort", "split", path, "-o", tmp_path / "out", "--ratios", "a")
    assert done.error == "--ratios: 'a' is not 3 comma-separated numbers; write for instance 0.7,0.15,0.15"
    done = vesalius("cohort", "split", path, "-o", tmp_path / "out", "--by", "hospital")
    assert "patient" in done.error
