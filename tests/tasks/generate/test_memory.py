import json

import pytest

from tasks.generate.small import table
from vesalius.memory import GIB
from vesalius.tasks.generate.config import GenerateConfig
from vesalius.tasks.generate.memory import memory_of
from vesalius.tasks.train import dry_run as module
from vesalius.tasks.train.dry_run import dry_run, lines

LUMINA = {
    "name": "next-dit", "inputs": 3, "width": 2304, "depth": 24, "heads": 32, "kv_heads": 8, "patch": 2,
    "ffn_multiple": 256, "text_width": 16, "mask_channels": 1,
}  # fmt: skip


def test_sizes_count():
    def memory(device="cpu", **changes):
        return memory_of(GenerateConfig.parse(table("none.jsonl", **changes)), device)

    small, more = memory(), memory(batch=8)
    assert more.activations == pytest.approx(2 * small.activations, rel=0.05)
    assert (more.weights, more.average) == (small.weights, small.weights)
    assert memory(sizes=[{"rows": 16, "columns": 16}, {"rows": 32, "columns": 32}]).activations > 2 * small.activations
    assert memory("cuda").activations < small.activations
    assert not memory(train={"ema_decay": None}).average
    assert memory(train={"precision": "bf16"}).weights == 1.5 * small.weights
    lora = memory(lora={}, init_from={"model": "m", "part": "net"})
    assert lora.gradients == 4 * lora.trained < small.gradients / 4


def test_a_dry_run_prints_it_for_a_net_that_fits_nowhere_and_does_not_build_it(discs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "available_bytes", lambda: 8 * GIB)
    path = tmp_path / "c.json"
    path.write_text(json.dumps(table(discs, net=LUMINA, batch=1)))
    result = dry_run(path, device="cpu")
    assert result.estimate is None
    narrower_text = (2048 - 16) * (24 * 2 * 8 * 72 + 1024)
    assert result.footprint["parameters"] == pytest.approx(1.627e9 - narrower_text, rel=1e-3)
    words = list(lines(result))
    assert any(line.startswith("memory by its sizes: weights 5.") for line in words)
    assert words[-1] == "no step was tried: this machine has 8.0 GiB free"


def test_a_dry_run_of_a_small_net_goes_on(discs, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(table(discs)))
    result = dry_run(path, device="cpu")
    assert result.estimate["steps"] > 0
    assert sum(line.startswith("memory") for line in lines(result)) == 2
