import json

import pytest
import torch
import yaml

from tasks.detect.tiny import make_cohort
from tasks.finetune.small import make_volumes, of_volumes
from vesalius.errors import InputError, UsageError
from vesalius.files import sha256
from vesalius.nets.classifier import Classifier
from vesalius.nets.head import Head
from vesalius.nets.vit import ViT
from vesalius.tasks.job import InitConfig
from vesalius.tasks.train.run import train
from vesalius.tasks.train.start import Start
from vesalius.training.config import TrainConfig
from vesalius.training.loop import Loop
from vesalius.training.task import Task
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

ENCODER = ViT(size="micro", depth=1, inputs=1)


class Toy(Task):
    """Only its modules matter."""

    def __init__(self, classes=2, depth=1):
        encoder = ENCODER.model_copy(update={"depth": depth})
        self.config = Classifier(encoder=encoder, outputs=classes)

    def build(self):
        return {"net": self.config.make()}

    def batches_per_epoch(self):
        return 1

    def batches(self, epoch, start, rank, world):
        return iter(())

    def training_step(self, batch, step):
        raise NotImplementedError


@pytest.fixture
def model(tmp_path):
    """A trained model with an encoder and a head of three classes."""
    torch.manual_seed(7)
    nets = {"encoder": ENCODER, "head": Head(inputs=128, outputs=3, hidden=0)}
    (tmp_path / "old").mkdir()
    modules = {name: net.make() for name, net in nets.items()}
    save_pretrained(tmp_path / "old", modules, ModelConfig.of("finetune", nets))
    return tmp_path / "old", modules


def same(module, tensors):
    return all(torch.equal(module.state_dict()[key], value) for key, value in tensors.items())


def started(folder, task, **init):
    start = Start(InitConfig(model=str(folder), **init), task)
    Loop(task, TrainConfig(ema_decay=0.9), None, cpu=True, start=start)
    return start


def test_the_encoder_of_one_model_goes_into_another(model, tmp_path):
    folder, modules = model
    task = Toy()
    loop_start = started(folder, task)
    net = task.modules["net"]
    assert all(
        torch.equal(net.encoder.state_dict()[key], value) for key, value in modules["encoder"].state_dict().items()
    )
    assert set(loop_start.report.loaded) == set(net.encoder.state_dict())
    assert loop_start.lines()[0] == "start from encoder of old"
    loop_start.write(tmp_path)
    written = json.loads((tmp_path / "init.json").read_text())
    assert (written["model"], written["part"], written["counts"]["missing"]) == ("old", "encoder", 0)
    assert set(written["loaded"]) == set(net.encoder.state_dict())


def test_averages_begin_at_the_loaded_weights(model):
    folder, _ = model
    task = Toy()
    start = Start(InitConfig(model=str(folder)), task)
    loop = Loop(task, TrainConfig(ema_decay=0.9), None, cpu=True, start=start)
    assert all(
        torch.equal(loop.ema.averages[f"net.{key}"], value) for key, value in task.modules["net"].state_dict().items()
    )


def test_what_differs_is_one_line_unless_it_is_allowed(model):
    folder, _ = model
    with pytest.raises(InputError, match=r"init_from .*old: does not fit the network: \d+ missing \(vit.blocks.1"):
        started(folder, Toy(depth=2))
    report = started(folder, Toy(depth=2), allow=("vit.blocks.1.*",)).report
    assert {kind for _, kind in report.allowed} == {"missing"}
    with pytest.raises(InputError, match="2 of another shape"):
        started(folder, Toy(), part="head")
    with pytest.raises(InputError, match="has no part called decoder, only encoder, head"):
        Start(InitConfig(model=str(folder), part="decoder"), _Single())(_Single().build())
    with pytest.raises(UsageError, match=r"init_from.part: the run has no part net; choose one of encoder, head"):
        started(folder, Toy(), part="net")


class _Single(Toy):
    def build(self):
        return {"net": ENCODER.make()}


def test_a_part_goes_into_the_only_net_of_a_run(model):
    folder, modules = model
    task = _Single()
    started(folder, task)
    assert all(
        torch.equal(task.modules["net"].state_dict()[key], value)
        for key, value in modules["encoder"].state_dict().items()
    )


def test_an_encoder_goes_from_finetuning_into_detection_and_back(tmp_path):
    prepare = {"layout": "BCJI", "plane": "axial", "steps": [{"name": "resize", "size": [32, 32]}]}
    table = of_volumes(make_volumes(tmp_path / "data"), prepare=prepare, train={"max_steps": 1})
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump(table))
    first, head, second = (tmp_path / name for name in ("first", "head", "second"))
    train(config, first, device="cpu")
    words = [f"data.manifest={make_cohort(tmp_path / 'heads')}", f"data.encoder={first}", "train.max_steps=1"]
    train("detect/head_ct_phantom", head, words, device="cpu")
    train(config, second, [f"init_from.model={head}"], device="cpu")
    digest = sha256(first / "model" / "encoder.safetensors")
    assert sha256(head / "model" / "encoder.safetensors") == digest
    report = json.loads((second / "init.json").read_text())
    assert (report["model"], report["part"], report["sha256"], report["fits"]) == ("head", "encoder", digest, True)
    encoder = from_pretrained(head, only="encoder").net
    assert set(report["loaded"]) == set(encoder.state_dict())
    assert (report["missing"], report["unexpected"], report["allowed"]) == ([], [], [])


def test_kernels_that_see_the_image_are_inflated_where_they_are_named(model):
    """Four channels that are equal give what one gave; without their names the difference is refused."""
    old, modules = model
    four = ENCODER.model_copy(update={"inputs": 4})
    name = next(name for name, x in modules["encoder"].state_dict().items() if x.shape != four_shape(four, name))

    class Wide(Toy):
        def build(self):
            return {"encoder": four.make()}

    task = Wide()
    with pytest.raises(InputError, match="of another shape"):
        Loop(task, TrainConfig(), None, cpu=True, start=Start(InitConfig(model=str(old)), task))
    start = Start(InitConfig(model=str(old), inflate=(name,)), task)
    Loop(task, TrainConfig(), None, cpu=True, start=start)
    assert [changed for changed, _ in start.report.changed] == [name]
    one, x = modules["encoder"].eval(), torch.randn(1, 1, 32, 32)
    wide = task.modules["encoder"].eval()
    with torch.no_grad():
        torch.testing.assert_close(wide(x.repeat(1, 4, 1, 1))[0], one(x)[0], atol=1e-4, rtol=1e-4)


def four_shape(config, name):
    with torch.device("meta"):
        return config.make().state_dict()[name].shape
