import json

import pytest
import torch

from nets.battery import make
from tasks.segment.small_pictures import make_pictures, of_pictures
from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.nets.resnet import ResNet
from vesalius.tasks.job import InitConfig
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.job import SegmentJob
from vesalius.tasks.segment.parts import whole
from vesalius.tasks.train.start import Start
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

ENCODER = ResNet(depth=18, factor=0.125)
NET = {"name": "pyramid-unet", "encoder": ENCODER.model_dump(), "outputs": 2, "widths": [16, 16, 8, 8, 8]}


@pytest.fixture
def task(tmp_path):
    task = SegmentJob(SegmentConfig.parse(of_pictures(make_pictures(tmp_path / "data"), net=NET))).task()
    torch.manual_seed(0)
    task.modules = task.build()
    return task


def test_the_model_has_two_parts_that_are_the_trained_net_again(task, tmp_path):
    task.export(tmp_path)
    assert {path.name for path in tmp_path.glob("*.safetensors")} == {"encoder.safetensors", "decoder.safetensors"}
    config, net = whole(from_pretrained(tmp_path, "segment"))
    assert config == task.config.net
    x = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        assert torch.equal(net(x), task.modules["net"].eval()(x))


def test_a_run_starts_from_a_pretrained_encoder(task, tmp_path):
    """An encoder that another job ships, e.g. SimCLR."""
    pretrained = make(ENCODER, 9)
    (tmp_path / "simclr").mkdir()
    save_pretrained(tmp_path / "simclr", {"encoder": pretrained}, ModelConfig.of("simclr", {"encoder": ENCODER}))
    before = task.modules["net"].decoder.logits.weight.clone()
    start = Start(InitConfig(model=str(tmp_path / "simclr")), task)
    start(task.modules)
    net = task.modules["net"]
    assert torch.equal(net.encoder.layer4[0].conv1.weight, pretrained.layer4[0].conv1.weight)
    assert torch.equal(net.decoder.logits.weight, before)


def test_another_encoder_is_refused(task, tmp_path):
    wider = ResNet(depth=18, factor=0.25)
    save_pretrained(tmp_path, {"encoder": make(wider)}, ModelConfig.of("simclr", {"encoder": wider}))
    with pytest.raises(InputError, match="make the networks alike"):
        Start(InitConfig(model=str(tmp_path)), task)(task.modules)
    with pytest.raises(UsageError, match="the run has no part head; choose one of encoder, decoder"):
        Start(InitConfig(model=str(tmp_path), part="head"), task)(task.modules)


def test_parts_that_do_not_belong_together(task, tmp_path):
    task.export(tmp_path)
    table = json.loads((tmp_path / "config.json").read_text())
    table["parts"]["other"] = table["parts"].pop("decoder")
    (tmp_path / "config.json").write_text(json.dumps(table))
    (tmp_path / "decoder.safetensors").rename(tmp_path / "other.safetensors")
    with pytest.raises(CorruptFileError, match="or a fitting encoder and decoder, not encoder, other"):
        whole(from_pretrained(tmp_path, "segment"))
