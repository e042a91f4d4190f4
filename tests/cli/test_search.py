"""embed of a manifest and search as a user calls them."""

import json

import pytest

from tasks.detect.tiny import make_cohort, make_encoder


def test_embed_a_manifest_and_search_it(vesalius, tmp_path):
    pytest.importorskip("lancedb", reason="needs vesalius[search]")
    encoder, manifest = make_encoder(tmp_path / "encoder"), make_cohort(tmp_path / "data", patients=2)
    bad = {"id": "bad", "images": {"image": "none.nii.gz"}}
    manifest.write_text(manifest.read_text() + json.dumps(bad) + "\n")
    words = ("embed", encoder, manifest, "-o", tmp_path / "store", "--pool", "mean", "--cache", tmp_path / "c")
    done = vesalius(*words, "--project", "tsne", "--colour", "any", "--device", "cpu")
    assert done.code == 2  # one case failed, the others are there
    assert "4 cases, 4 rows of 192 numbers" in done.out
    assert "failed  case bad: " in done.out
    again = vesalius(*words, "--json", "-q")
    assert (again.code, again.told["encoded"], again.told["failed"][0]["case"], again.err) == (2, 0, "bad", "")
    assert "--slice: does not apply, a manifest was given" in vesalius(*words, "--slice", "1").error
    query = ("search", tmp_path / "store", "p00s0", "--top-k", "2", "--not-same-patient", "--json", "-q")
    hits = vesalius(*query).told["hits"]
    assert {hit["case"] for hit in hits} == {"p01s0", "p01s1"}
    done = vesalius(*query[:3], "-o", tmp_path / "similar")
    assert (done.code, done.out.splitlines()[0]) == (0, "p00s0: most similar of 4 cases")
    assert (tmp_path / "similar" / "report.html").exists()
    assert "--top-k: 0 was given" in vesalius(*query[:3], "--top-k", "0").error
