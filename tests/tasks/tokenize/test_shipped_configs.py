"""The configurations of the package: each is parsed; those for CPUs are built and stepped on a small cohort."""

import pytest
import torch
import yaml

from tasks.tokenize.small import make_cines
from vesalius.nets.net import Net
from vesalius.nets.titok_tokenizer import TiTokTokens
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.job import TokenizeJob
from vesalius.tasks.train.jobs import config_names, find_config
from vesalius.tasks.train.run import configured
from vesalius.training.loop import Loop
from vesalius.weights.saved import ModelConfig, save_pretrained

NAMES = [name for name in config_names() if name.startswith("tokenize/")]
PUBLISHED = {"s128": ("small", 128), "b64": ("base", 64), "l32": ("large", 32)}


@pytest.mark.parametrize("name", [name for name in NAMES if "titok" in name and "cpu" not in name])
def test_published_sizes(name):
    words = ["data.manifest=m.jsonl", "method.proxy=x" if name.endswith("1") else "init_from.model=x"]
    _, config = configured(name, words)
    size, latents = PUBLISHED[name.removeprefix("tokenize/titok_").partition("_")[0]]
    net = config.method.net
    assert isinstance(net, TiTokTokens)
    assert (net.net.encoder, net.net.decoder, net.net.latents) == (size, size, latents)
    assert (net.net.quantizer.codes, net.net.quantizer.dim, net.net.quantizer.l2_norm) == (4096, 12, True)
    assert config.method.stage == ("proxy" if name.endswith("1") else "decoder")
    assert (net.net.vqgan.codes, net.net.vqgan.dim, net.net.vqgan.multiples) == (1024, 256, (1, 1, 2, 2, 4))


@pytest.mark.parametrize("name", [name for name in NAMES if "cpu" in name])
def test_a_step_on_a_cpu(name, tmp_path):
    keys = yaml.safe_load(find_config(name).read_text())
    keys["data"] = {"manifest": str(make_cines(tmp_path / "cines")), "workers": 0, "most": 2}
    keys |= {"batch": 2, "repeats": 2}
    keys.pop("init_from", None)
    if keys["method"].get("stage") == "proxy":
        net = Net.read({"name": "vqgan", **keys["method"]["net"]["net"]["vqgan"]})
        (tmp_path / "stage0").mkdir()
        save_pretrained(tmp_path / "stage0", {"tokenizer": net.make()}, ModelConfig.of("tokenize", {"tokenizer": net}))
        keys["method"]["proxy"] = str(tmp_path / "stage0")
    config = TokenizeConfig.parse(keys)
    loop = Loop(TokenizeJob(config).task(), config.train, None, cpu=True)
    numbers = loop.step(next(loop.batches(0, 0)))
    assert all(torch.isfinite(torch.tensor(value)) for value in numbers.values())
    assert "psnr" in loop.measures()
