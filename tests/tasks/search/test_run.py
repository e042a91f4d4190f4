import json
import shutil

import numpy as np
import pytest

from tasks.detect.tiny import make_cohort, make_encoder
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.tasks.embed.run import embed
from vesalius.tasks.encode.collection import Collection
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.options import EmbedOptions
from vesalius.tasks.search.options import SearchOptions
from vesalius.tasks.search.run import lines, search

pytest.importorskip("lancedb", reason="needs vesalius[search]")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store of eight heads of four patients; every other patient bleeds."""
    folder = tmp_path_factory.mktemp("made")
    make_encoder(folder / "encoder")
    manifest = make_cohort(folder / "data", patients=4, per_patient=2)
    options = EmbedOptions(cache=folder / "cache", precision="fp32")
    embed(manifest, folder / "store", str(folder / "encoder"), options, device="cpu")
    return folder


def check_hits(made, name, hits, left_out=()):
    """The hits are the most similar cases, by hand; those that differ by rounding only may change places."""
    collection = Collection.open(made / "store")
    vectors = dict(zip([case.id for case in collection.cohort], collection.vectors().astype(float), strict=True))
    cosines = {other: float(vectors[name] @ vectors[other]) for other in set(vectors) - {name, *left_out}}
    highest = sorted(cosines.values(), reverse=True)[: len(hits)]
    np.testing.assert_allclose([hit.similarity for hit in hits], highest, atol=1e-6)
    np.testing.assert_allclose([hit.similarity for hit in hits], [cosines[hit.case] for hit in hits], atol=1e-6)
    assert len({hit.case for hit in hits}) == len(hits)


def test_the_most_similar_cases_and_their_pictures(made, tmp_path):
    result = search(made / "store", "p01s0", tmp_path / "out", SearchOptions(top_k=3))
    assert len(result.hits) == 3
    check_hits(made, "p01s0", result.hits)
    assert (result.query, result.patient, result.searched) == ("p01s0", "2", 8)
    assert [hit.same_patient for hit in result.hits] == [hit.patient == "2" for hit in result.hits]
    assert (tmp_path / "out" / "figures" / "similar.png").read_bytes().startswith(b"\x89PNG")
    rows = (tmp_path / "out" / "table.csv").read_text().splitlines()
    assert rows[0] == "rank,case,similarity,patient,split,labels"
    assert [row.split(",")[1] for row in rows[1:]] == [hit.case for hit in result.hits]
    text = (tmp_path / "out" / "summary.json").read_text()
    assert json.loads(text)["results"]["hits"][0]["similarity"] == pytest.approx(result.hits[0].similarity)
    assert str(made) not in text
    assert lines(result)[1].startswith(f"{result.hits[0].similarity:.4f}  {result.hits[0].case}  patient ")
    with pytest.raises(OutputError, match="exists already"):
        search(made / "store", "p01s0", tmp_path / "out")


def test_without_the_patient_of_the_query(made):
    result = search(made / "store", "p01s0", options=SearchOptions(top_k=99, not_same_patient=True))
    assert len(result.hits) == 6
    check_hits(made, "p01s0", result.hits, {"p01s1"})
    assert result.report is None


def test_a_file_of_the_store_is_that_case(made, monkeypatch):
    monkeypatch.setattr(Encoder, "embed", lambda *_: pytest.fail("its rows are in the store"))
    result = search(made / "store", str(made / "data" / "p02s1.nii.gz"), options=SearchOptions(not_same_patient=True))
    check_hits(made, "p02s1", result.hits, {"p02s0"})
    assert result.notes == ["the scan is case p02s1 of the store"]


def test_a_new_scan_is_encoded_as_the_store_was(made, tmp_path):
    make_cohort(tmp_path / "new", patients=6, per_patient=1)
    scan = tmp_path / "new" / "p05s0.nii.gz"
    result = search(made / "store", str(scan), tmp_path / "out", device="cpu")
    assert (result.query, result.patient) == ("p05s0.nii.gz", None)
    make_cohort(tmp_path / "both", patients=6, per_patient=1)
    manifest = tmp_path / "both" / "m.jsonl"
    options = EmbedOptions(cache=tmp_path / "cache", precision="fp32")
    embed(manifest, tmp_path / "store", str(made / "encoder"), options, device="cpu")
    both = Collection.open(tmp_path / "store")
    vector = next(v for v, case in zip(both.vectors(), both.cohort, strict=True) if case.id == "p05s0")
    here = Collection.open(made / "store")
    cosines = here.vectors() @ vector
    np.testing.assert_allclose([hit.similarity for hit in result.hits], np.sort(cosines)[:-6:-1], atol=1e-5)
    region = search(made / "store", f"{scan}#region/0,0,24,24", device="cpu")
    assert [hit.case for hit in region.hits] == [hit.case for hit in result.hits]
    with pytest.raises(InputError, match=r"p05s0\.nii\.gz#region/0,0,24,25: .*reaches beyond its 24 x 24 pixels"):
        search(made / "store", f"{scan}#region/0,0,24,25", device="cpu")
    with pytest.raises(UsageError, match="--not-same-patient: the patient of the query is unknown"):
        search(made / "store", str(scan), options=SearchOptions(not_same_patient=True), device="cpu")
    other = make_encoder(tmp_path / "other", seed=1)
    with pytest.raises(UsageError, match=r"is not the encoder of the store; name it with --model"):
        search(made / "store", str(scan), options=SearchOptions(model=str(other)), device="cpu")


def test_a_query_that_is_nothing(made, tmp_path):
    with pytest.raises(InputError, match=r"^nobody: .*"):
        search(made / "store", "nobody")
    with pytest.raises(InputError, match="is not a feature store"):
        search(tmp_path, "p01s0")


def test_pictures_that_are_gone_are_noted(made, tmp_path):
    moved = tmp_path / "deep" / "er" / "store"
    moved.parent.mkdir(parents=True)
    shutil.copytree(made / "store", moved)
    result = search(moved, "p01s0", tmp_path / "out", SearchOptions(top_k=1))
    assert len(result.hits) == 1
    assert len(result.notes) == 2
    assert all("cannot be shown" in note for note in result.notes)
