import json

import numpy as np
import pytest

from nets.tiny_tokenizer import make_tokenizer
from tasks.detect.tiny import AFFINE, head, make_cohort, make_encoder
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.features import FeatureStore
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.nets.resnet import ResNet
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.embed.cohort import GROUPS, cohort_lines
from vesalius.tasks.embed.run import embed
from vesalius.tasks.encode.collection import Collection
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.options import EmbedOptions
from vesalius.tasks.encode.slices import Slices
from vesalius.tasks.search.run import search

PATIENTS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A ViT, a ResNet and six heads of three patients."""
    folder = tmp_path_factory.mktemp("made")
    make_encoder(folder / "vit")
    make_encoder(folder / "resnet", config=ResNet(depth=18, factor=0.25))
    make_cohort(folder / "data", patients=PATIENTS, per_patient=2)
    return folder


@pytest.fixture
def run(made, tmp_path):
    def run(manifest=None, output="store", encoder="vit", force=False, **options):
        chosen = EmbedOptions(cache=tmp_path / "cache", precision="fp32", **options)
        path = manifest or made / "data" / "m.jsonl"
        return embed(path, tmp_path / output, str(made / encoder), chosen, device="cpu", force=force)

    return run


def test_a_row_for_each_slice_with_its_case(run, made, tmp_path):
    result = run()
    assert (result.cases, result.patients, result.rows, result.dim, result.encoded) == (6, PATIENTS, 36, 192, 6)
    assert (result.failed, result.endpoints, result.drawing) == ([], {}, None)
    collection = Collection.open(tmp_path / "store")
    encoder = Encoder.from_pretrained(made / "vit")
    for case in read_manifest(made / "data" / "m.jsonl"):
        stored = next(other for other in collection.cohort if other.id == case.id)
        slices = Slices.of(open_scan(made / "data" / f"{case.id}.nii.gz"), encoder.contract.prepare)
        np.testing.assert_allclose(collection.rows(stored), encoder.embed(slices, np.arange(6)), atol=1e-5)
        assert stored.labels == case.labels
    summary = json.loads((tmp_path / "store" / "summary.json").read_text())
    assert summary["results"]["rows"] == 36
    assert str(tmp_path) not in json.dumps(summary)
    assert "6 cases, 36 rows of 192 numbers; 6 cases encoded now" in cohort_lines(result)[1]


def test_a_rerun_adds_what_is_missing(run, made, tmp_path, monkeypatch):
    whole = read_manifest(made / "data" / "m.jsonl")
    few = write_manifest(whole.where(lambda case: case.patient != "p2"), made / "data" / "few.jsonl", force=True)
    assert run(few).encoded == 4
    result = run()
    assert (result.cases, result.encoded) == (6, 2)
    assert "2 cases encoded now, 4 were in the store" in cohort_lines(result)[1]
    monkeypatch.setattr(Encoder, "embed", lambda *_: pytest.fail("every row is in the store"))
    assert run().encoded == 0
    back = run(few)
    assert (back.cases, back.rows, len(FeatureStore.open(tmp_path / "store"))) == (4, 24, 36)


def test_other_vectors_go_to_another_folder_or_replace_it(run, tmp_path):
    run()
    (tmp_path / "store" / "notes.txt").write_text("mine")
    for changed in ({"stride": 2}, {"pool": "mean"}, {"encoder": "resnet"}):
        with pytest.raises(UsageError, match=r"holds features of another .*; choose another folder or pass --force"):
            run(**changed)
    assert run(stride=2, force=True).rows == 18
    assert (tmp_path / "store" / "notes.txt").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        run(output="other")


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_one_row_for_each_case(run, made, tmp_path, pool):
    run(output="all")
    result = run(pool=pool)
    assert (result.cases, result.rows) == (6, 6)
    rows, pooled = Collection.open(tmp_path / "all"), Collection.open(tmp_path / "store")
    for case in pooled.cohort:
        expected = getattr(np, pool)(rows.rows(case), axis=0)
        np.testing.assert_allclose(pooled.rows(case)[0], expected, atol=1e-6)


def test_block_groups_have_stores_of_their_own(run, made, tmp_path):
    run(encoder="resnet")
    result = run(encoder="resnet", endpoints=True)
    assert result.encoded == 6  # the rows were there, the block groups were not
    assert result.endpoints == dict(zip(GROUPS, (16, 32, 64, 128), strict=True))
    store, last = (FeatureStore.open(tmp_path / "store" / name) for name in ("", GROUPS[-1]))
    np.testing.assert_allclose(store.features, last.features, atol=1e-5)
    assert run(encoder="resnet", endpoints=True).encoded == 0
    assert "block_group4: not continued" in run(encoder="resnet").notes[0]
    assert run(encoder="resnet", endpoints=True, force=True).encoded == 6
    with pytest.raises(UsageError, match="no block groups"):
        run(output="vit", endpoints=True)


def test_frames_of_a_cine_are_rows(run, made, tmp_path):
    frames = np.stack([head(n, bleeds=False)[:, :, :2] for n in range(4)])  # T I J K
    write_nifti(tmp_path / "cine.nii.gz", frames, AFFINE)
    (tmp_path / "m.jsonl").write_text(json.dumps({"id": "a", "images": {"image": "cine.nii.gz"}}) + "\n")
    result = run(tmp_path / "m.jsonl")
    assert result.rows == 8
    assert FeatureStore.open(tmp_path / "store").items(
        next(iter(Collection.open(tmp_path / "store").cohort)).facts["store_key"]
    ).tolist() == list(range(8))


def test_what_cannot_be_read_is_listed_and_the_rest_done(run, made, tmp_path):
    lines = (made / "data" / "m.jsonl").read_text().splitlines()
    bad = json.dumps({"id": "bad", "images": {"image": "bad.nii.gz"}, "patient": "Doe^Jane"})
    (made / "data" / "bad.nii.gz").write_bytes(b"no scan")
    (made / "data" / "with-bad.jsonl").write_text("\n".join([bad, *lines]) + "\n")
    result = run(made / "data" / "with-bad.jsonl")
    assert (result.cases, [failure["case"] for failure in result.failed]) == (6, ["bad"])
    assert next(case.id for case in Collection.open(tmp_path / "store").cohort) == "p00s0"
    page = (tmp_path / "store" / "report.html").read_text()
    assert "case bad" in page
    assert "Doe" not in page
    assert any(line.startswith("failed  case bad: ") for line in cohort_lines(result))
    (made / "data" / "only-bad.jsonl").write_text(bad + "\n")
    with pytest.raises(InputError, match="none of the 1 cases could be encoded; case bad: "):
        run(made / "data" / "only-bad.jsonl", output="none")
    assert not (tmp_path / "none").exists()


def test_a_drawing_and_its_coordinates(run, tmp_path):
    result = run(project="tsne", colour="any")
    assert result.drawing["points"] == 36
    assert "of another patient is of the same group" in result.drawing["neighbours"]
    assert (tmp_path / "store" / "figures" / "projection.png").read_bytes().startswith(b"\x89PNG")
    header, *rows = (tmp_path / "store" / "projection.csv").read_text().splitlines()
    assert header == "row,case,item,x,y,group"
    assert len(rows) == 36
    assert {row.rpartition(",")[2] for row in rows} == {"any", "no any"}


def test_a_tokenizer_gives_a_row_for_each_slice_of_all_frames(tmp_path):
    make_tokenizer(tmp_path / "model")
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 900, (4, 16, 12, 2)).astype(np.int16)
        write_nifti(tmp_path / f"c{number}.nii.gz", values, np.eye(4))
    cases = tuple(Case(id=f"c{n}", images={"image": f"c{n}.nii.gz"}, patient=f"p{n}") for n in range(3))
    manifest = write_manifest(Cohort(cases, tmp_path), tmp_path / "m.jsonl")
    options = EmbedOptions(cache=tmp_path / "cache", pool="none")
    result = embed(manifest, tmp_path / "store", str(tmp_path / "model"), options, device="cpu")
    assert (result.rows, result.dim, result.precision, result.failed) == (6, 8, "fp32", [])
    found = search(tmp_path / "store", str(tmp_path / "c1.nii.gz"), tmp_path / "found", device="cpu")
    assert (found.notes, found.hits[0].case) == (["the scan is case c1 of the store"], "c0")
    options = EmbedOptions(cache=tmp_path / "cache")
    single = embed(tmp_path / "c1.nii.gz", tmp_path / "one", str(tmp_path / "model"), options, device="cpu")
    assert (single.slices, single.patch) == (2, [])
    collection = Collection.open(tmp_path / "store")
    stored = collection.rows(collection.cohort.cases[1])
    np.testing.assert_allclose(np.load(tmp_path / "one" / "slice_embeddings.npy"), stored, rtol=1e-6)
    assert not (tmp_path / "one" / "similarity_map.npy").exists()


def test_a_tokenizer_of_motion_gives_a_row_for_each_stack_by_default(run, made, tmp_path):
    cases = []
    for number in range(2):
        values = np.random.default_rng(number).integers(0, 900, (4, 24, 16, 5)).astype(np.int16)
        write_nifti(tmp_path / f"c{number}.nii.gz", values, np.eye(4))
        cases.append(Case(id=f"c{number}", images={"image": f"c{number}.nii.gz"}, patient=f"p{number}"))
    write_nifti(tmp_path / "flipped.nii.gz", values[..., ::-1].copy(), np.eye(4))
    manifest = write_manifest(Cohort(tuple(cases), tmp_path), tmp_path / "m.jsonl")
    options = EmbedOptions(cache=tmp_path / "cache")
    result = embed(manifest, tmp_path / "cycle", "tokenize/cine_cycle", options, device="cpu")
    assert (result.rows, result.dim, Collection.open(tmp_path / "cycle").recipe.pool) == (2, 3 * 594, "stack")
    assert "the ends and the middle" in (tmp_path / "cycle" / "report.html").read_text()
    found = search(tmp_path / "cycle", str(tmp_path / "flipped.nii.gz"), device="cpu")
    assert found.hits[0].case == "c1"
    assert found.hits[0].similarity > 0.95  # rounding looks at the slice before
    assert found.hits[0].similarity > found.hits[1].similarity + 0.2
    with pytest.raises(UsageError, match="--pool stack: is for tokenizers"):
        run(pool="stack")
