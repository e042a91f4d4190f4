"""The configurations of the package: each is parsed; those that a CPU trains take a step."""

import pytest
import torch

from tasks.generate.small import write_discs
from vesalius.tasks.generate.config import GenerateConfig
from vesalius.tasks.generate.job import GenerateJob
from vesalius.tasks.train.jobs import config_names
from vesalius.tasks.train.run import configured
from vesalius.training.loop import Loop
from vesalius.weights.saved import ModelConfig

NAMES = [name for name in config_names() if name.startswith("generate/") and name != "generate/sample"]
ON_DISCS = {"generate/nuclei": [], "generate/fast": [], "generate/cxr": [], "generate/fundus": []}
"""Configurations that take any pictures."""


@pytest.mark.parametrize("name", NAMES)
def test_it_is_read(name):
    _, config = configured(name, ["data.manifest=m.jsonl"])
    assert isinstance(config, GenerateConfig)
    again = ModelConfig.of("generate", {"net": config.net, "text": config.text})
    assert ModelConfig.parse(again.model_dump(mode="json")) == again


@pytest.mark.parametrize("name", ON_DISCS)
def test_a_step_on_a_cpu(name, tmp_path):
    manifest = write_discs(tmp_path / "discs", 24, side=72)
    _, config = configured(name, [f"data.manifest={manifest}", "data.workers=0", "sizes=[{rows: 64, columns: 64}]"])
    loop = Loop(GenerateJob(config).trial(), config.train, None, cpu=True)
    numbers = loop.step([next(loop.task.batches(0, 0, 0, 1))])
    assert torch.isfinite(torch.tensor(numbers["loss"]))
    sizes = sum(weight.numel() for module in loop.task.modules.values() for weight in module.parameters())
    assert 2 * sizes < 8e6  # in bf16 no more than 8 MB
