"""Runs in one process or several: `torchrun ... exact.py MANIFEST FOLDER`. In float64, whose rounding stays small."""

import sys
from pathlib import Path

from accelerate import PartialState

from tasks.voco.small import METHODS, table
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.job import VocoJob
from vesalius.training.loop import Loop

CASES = {
    "voco": METHODS["voco"],
    "voco-tpami": METHODS["voco-tpami"] | {"dropout": 0},
    "mae": METHODS["mae"],
}
"""Name of a run -> its method. Dropout draws for each process anew."""


def train_all(manifest, folder):
    """Train every case into a folder of its name."""
    PartialState(cpu=True)
    for name, method in CASES.items():
        keys = table(manifest, method=method, batch=4, repeats=3)
        keys["net"] |= {"norm": "batch"}
        keys["train"] |= {"epochs": 3, "validate_every": 10, "checkpoint_every": 100}
        config = VocoConfig.parse(keys)
        Loop(VocoJob(config).task(), config.train, folder / name, cpu=True, start=in_float64).run()


def in_float64(modules):
    for name, module in modules.items():
        module.double()
        if name.endswith("encoder"):
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))


if __name__ == "__main__":
    train_all(Path(sys.argv[1]), Path(sys.argv[2]))
