"""Runs of pre-training in one process or several: `torchrun ... exact.py MANIFEST FOLDER`.

All but one are in float64, whose rounding stays small over 20 steps. In float32 two processes round otherwise than one,
neither is exact, and training amplifies the difference from step to step until the losses differ.
"""

import json
import sys
from pathlib import Path

from accelerate import PartialState

from tasks.simclr.small import RESNET, VIT, table
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.job import SimclrJob
from vesalius.tasks.train.run import train
from vesalius.training.loop import Loop

SMALL = {**RESNET, "factor": 0.125}
CASES = {
    "batch_norm": {"net": SMALL, "steps": 20},
    "chunks_without_batch_norm": {"net": VIT, "steps": 3, "chunk": {1: None, 2: 3}},
    "chunks_with_batch_norm": {"net": SMALL, "steps": 2, "chunk": {1: 8, 2: 4}},
    "float32": {"net": SMALL, "steps": 1},
}
"""Name of a run -> its net, its steps, and the chunk of one process for a number of processes."""


def train_all(manifest, folder):
    """Train every case into a folder of its name; the one in float32 by the whole command."""
    processes = PartialState(cpu=True).num_processes
    for name, case in CASES.items():
        keys = table(manifest, net=case["net"], batch=16, chunk=case.get("chunk", {}).get(processes))
        keys["health"] = {"most": 8}
        keys["train"] |= {"epochs": 10, "max_steps": case["steps"], "validate_every": 10}
        if name == "float32":
            config = folder / f"{processes}.json"
            config.write_text(json.dumps(keys), encoding="utf-8")
            train(config, folder / name, device="cpu")
        else:
            config = SimclrConfig.parse(keys)
            Loop(SimclrJob(config).task(), config.train, folder / name, cpu=True, start=in_float64).run()


def in_float64(modules):
    for module in modules.values():
        module.double()
    modules["encoder"].register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))


if __name__ == "__main__":
    train_all(Path(sys.argv[1]), Path(sys.argv[2]))
