import pytest
import torch

from tasks.voco.small import METHODS, make_volumes, table
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import ConfigError, UsageError
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.job import VocoJob
from vesalius.tasks.voco.masked import Masked
from vesalius.tasks.voco.task import held_out, measure
from vesalius.training.loop import Loop


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_volumes(tmp_path_factory.mktemp("volumes"))


def task_of(manifest, method="voco", **changes):
    return VocoJob(VocoConfig.parse(table(manifest, method, **changes))).task()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_a_step_and_says_how_healthy_it_is(manifest, method):
    task = task_of(manifest, method)
    loop = Loop(task, task.config.train, None, cpu=True)
    (batches,) = list(loop.batches(0, 0))[:1]
    teachers = {name: loop.task.modules[name] for name in task.config.method.teachers}
    assert set(teachers) & set(task.optimizers()["net"].modules) == set()
    logs = loop.step(batches)
    wanted = {"loss", "spread", "effective_rank"}
    if method != "mae":
        wanted |= {"voco", "div", "area", "base_cosine", "label_correlation"}
    assert wanted <= logs.keys()
    measures = loop.measures()
    assert wanted <= measures.keys()
    assert measures == loop.measures()


def test_crops_come_from_seed_epoch_repetition_and_case(manifest):
    """The same whatever the ranks and the start; other ones in another repetition."""
    task = task_of(manifest, repeats=2)
    whole = list(task.batches(1, 0, 0, 1))
    again = next(task_of(manifest, repeats=2).batches(1, 2, 0, 1))
    assert all(torch.equal(again[name], whole[2][name]) for name in again)
    halves = [list(task.batches(1, 0, rank, 2)) for rank in range(2)]
    for batch, first, second in zip(whole, *halves, strict=True):
        for name, numbers in batch.items():
            assert torch.equal(numbers, torch.stack([first[name], second[name]], 1).flatten(0, 1))
    firsts = torch.cat([batch["first"][:, :2] for batch in whole]).flatten(1)
    assert len(firsts.unique(dim=0)) == len(firsts) == 8


def test_the_next_epoch_decodes_nothing(manifest, monkeypatch):
    """Crops are drawn from prepared volumes that are kept in memory."""
    import vesalius.cohort.loader as loader

    task = task_of(manifest)
    opened = []
    original = loader.open_image
    monkeypatch.setattr(loader, "open_image", lambda *given: opened.append(given) or original(*given))
    first = list(task.batches(0, 0, 0, 1))
    assert len(opened) == 4
    second = list(task.batches(1, 0, 0, 1))
    assert len(opened) == 4
    assert not torch.equal(first[0]["first"], second[0]["first"])


def test_volumes_that_the_grid_does_not_tile(manifest):
    geometry = {"grid": [2, 2, 1], "crop": [8, 8, 8]}
    task = task_of(manifest, {"name": "voco", "geometry": geometry})
    with pytest.raises(
        UsageError, match=r"method.geometry: the grid covers 16 x 16 x 8 voxels, the volume has 24 x 24"
    ):
        next(task.batches(0, 0, 0, 1))


def test_a_last_batch_of_one_volume_leaves_the_spread_as_it_is(manifest, monkeypatch):
    """One volume has no spread; what the other batches have is not divided by it."""
    sizes = []

    def loss(self, modules, batch):
        sizes.append(len(batch["image"]))
        return torch.ones(()), {"spread": 0.5} if sizes[-1] > 1 else {}

    monkeypatch.setattr(Masked, "loss", loss)
    config = VocoConfig.parse(table(manifest, "mae", batch=3))
    task = VocoJob(config).task()
    measures = measure(config, task.build(), held_out(config, VocoJob(config).parts()["train"]))
    assert sizes == [3, 1]
    assert measures == {"loss": 1.0, "spread": 0.5}


def test_a_case_may_lack_an_image(tmp_path):
    manifest = make_volumes(tmp_path)
    cohort = read_manifest(manifest)
    cases = [
        case.model_copy(update={"images": {name: case.images["image"] for name in (["a"] if n % 2 else ["a", "b"])}})
        for n, case in enumerate(cohort)
    ]
    write_manifest(Cohort(tuple(cases), cohort.root), manifest, force=True)
    net = {"name": "ume", "inputs": 2, "size": "micro", "patch": 4, "picture": 8, "max_keyframes": 2}
    keys = table(manifest, "neighbours", net=net)
    keys["data"] |= {"images": ["a", "b"], "allow_missing": True}
    task = VocoJob(VocoConfig.parse(keys)).task()
    task.modules = task.build()
    given = list(task.batches(0, 0, 0, 1))
    lacking = torch.cat([batch["image"].isnan().flatten(2).all(2) for batch in given])
    assert not lacking[:, 0].any()
    assert 0 < lacking[:, 1].sum() < len(lacking)
    assert all(task.training_step(batch, 0)[0]["net"].isfinite() for batch in given)
    keys["net"] = {"name": "unet-encoder", "inputs": 2, "channels": [4, 8], "units": 1}
    with pytest.raises(ConfigError, match="allow_missing needs a net that knows missing images"):
        VocoConfig.parse(keys)
