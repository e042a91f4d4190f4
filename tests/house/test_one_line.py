"""A new coder, net, transform, layout, job, method, builder, reader or writer is one line in one table."""

import pytest

import vesalius
from tasks.simclr.small import make_pictures, table
from tasks.tokenize.small import make_cines
from tasks.tokenize.small import table as tokenize_table
from vesalius.codec.coders.table import CODERS
from vesalius.cohort.build import BUILDERS
from vesalius.cohort.manifest import read_manifest
from vesalius.csv_table import read_text_table
from vesalius.errors import UsageError
from vesalius.nets.table import NETS
from vesalius.scan.open import READERS
from vesalius.scan.write import WRITERS
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.job import SimclrJob
from vesalius.tasks.simclr.method import METHODS
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.job import TokenizeJob
from vesalius.tasks.tokenize.method import TOKENIZERS
from vesalius.tasks.train.jobs import JOBS
from vesalius.training.loop import Loop
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import TRANSFORMS
from vesalius.weights.layouts.table import LAYOUTS

torch = pytest.importorskip("torch")


@pytest.fixture
def add(monkeypatch):
    """add(table, name, attribute): the one line."""
    return lambda table, name, attribute: monkeypatch.setitem(table.homes, name, f"house.toys:{attribute}")


def test_a_coder(add, make_nifti, tmp_path):
    add(CODERS, "toy", "ToyCoder")
    source, packed = make_nifti(), tmp_path / "tiny.vsl"
    done = vesalius.compress([source], packed, vesalius.CompressConfig(coder="toy"))
    assert done.written[0].tiers[0].coder == "toy"
    assert vesalius.verify(packed, source).tiers[0].equal
    config = CodecEvaluationConfig(coders=("toy",), lossless=("toy",), points=2)
    evaluated = vesalius.evaluate_codec([source], tmp_path / "out", config)
    assert not evaluated.failed
    measured = {row["coder"] for row in read_text_table(tmp_path / "out" / "table.csv").rows()}
    assert measured - {"gzip-6", "gzip-9", "zstd-19"} == {"toy"}  # the baselines of every evaluation


def test_a_net(add, tmp_path):
    add(NETS, "toy", "ToyNet")
    torch.save(torch.nn.Linear(3, 1).state_dict(), tmp_path / "toy.pt")
    imported = vesalius.import_weights(tmp_path / "toy.pt", "vesalius", tmp_path / "out", ["name=toy", "width=3"])
    assert imported.net == {"name": "toy", "width": 3}


def test_a_layout(add, tmp_path):
    add(LAYOUTS, "toy", "TOY_LAYOUT")
    add(NETS, "toy", "ToyNet")
    state = {f"toy.{name}": tensor for name, tensor in torch.nn.Linear(2, 1).state_dict().items()}
    torch.save(state, tmp_path / "toy.pt")
    assert vesalius.import_weights(tmp_path / "toy.pt", "toy", tmp_path / "out").layout == "toy"


def test_a_transform(add, make_nifti):
    add(TRANSFORMS, "toy", "ToyTransform")
    scan = vesalius.open_scan(make_nifti())
    prepared = Prepare.parse({"values": [{"name": "toy", "shift": 2.0}]})
    assert (prepared(scan) == Prepare()(scan) + 2).all()
    assert prepared.model_dump()["values"] == ({"name": "toy", "shift": 2.0},)


def test_a_job(add, tmp_path):
    add(JOBS, "toy", "ToyJob")
    (tmp_path / "toy.yaml").write_text("task: toy\nwords: hello\n")
    with pytest.raises(UsageError, match="hello"):
        vesalius.train(tmp_path / "toy.yaml", tmp_path / "run", device="cpu")


def test_a_method(add, tmp_path):
    add(METHODS, "toy", "ToyMethod")
    config = SimclrConfig.parse(table(make_pictures(tmp_path, count=16), method={"name": "toy", "weight": 2.0}))
    loop = Loop(SimclrJob(config).task(), config.train, None, cpu=True)
    before = loop.task.modules["head"][0].weight.detach().clone()
    assert loop.step(next(loop.batches(0, 0)))["loss"] > 0
    assert (loop.task.modules["head"][0].weight != before).any()


def test_a_method_of_a_tokenizer(monkeypatch, tmp_path):
    monkeypatch.setitem(TOKENIZERS.homes, "toy", "tasks.tokenize.small:Toy")
    config = TokenizeConfig.parse(tokenize_table(make_cines(tmp_path), method={"name": "toy", "weight": 2.0}))
    loop = Loop(TokenizeJob(config).task(), config.train, None, cpu=True)
    before = loop.task.modules["tokenizer"].gain.item()
    assert loop.step(next(loop.batches(0, 0)))["loss"] > 0
    assert loop.task.modules["tokenizer"].gain.item() != before


def test_a_builder(add, make_nifti, tmp_path):
    add(BUILDERS, "toy", "build_toy")
    manifest = tmp_path / "m.jsonl"
    vesalius.build_manifest("toy", make_nifti().parent, manifest, ["count=2"])
    assert [case.id for case in read_manifest(manifest)] == ["toy0", "toy1"]


def test_a_reader_and_a_writer(add, make_nifti, tmp_path):
    add(READERS, ".toy", "read_toy")
    add(WRITERS, ".toy", "write_toy")
    source = make_nifti()
    vesalius.convert(source, tmp_path / "array.npy")
    (tmp_path / "array.npy").rename(tmp_path / "array.toy")
    vesalius.convert(tmp_path / "array.toy", tmp_path / "words.toy")
    assert (tmp_path / "words.toy").read_text() == f"toy {vesalius.open_scan(source).shape}"
