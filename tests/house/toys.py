"""One small example of everything that is chosen by name; the tables of the package hold none of them."""

from typing import ClassVar

import numpy as np
import torch

from vesalius.codec.coders.deflate import Deflate
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.errors import UsageError
from vesalius.nets.net import Net
from vesalius.nets.projection import Projection
from vesalius.scan.numpy_file import read as read_numpy
from vesalius.tasks.job import Job, JobConfig
from vesalius.tasks.simclr.method import Method
from vesalius.transforms.transform import Transform
from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Strip


class ToyCoder(Deflate):
    """Deflate after the lowest bits were cleared."""

    name, id = "toy", 200
    lossy_bits, exact_lossy = 8, True
    qualities = (1.0, 2.0, 3.0, 4.0)

    def encode(self, x_NJI, bits, quality, threads):
        low = int(quality or 0)
        return super().encode(x_NJI >> low << low, bits, None, threads)


class ToyNet(Net):
    """One linear layer."""

    width: int = 2
    dims: ClassVar[None] = None
    outputs: ClassVar[int] = 1
    divisor: ClassVar[int] = 1

    @property
    def inputs(self):
        return self.width

    def make(self):
        return torch.nn.Linear(self.width, 1)


class ToyTransform(Transform):
    """Adds a number."""

    shift: float = 1.0

    def apply(self, x, params=None):
        return x + np.float32(self.shift)


TOY_LAYOUT = Layout(about="a toy", net={"name": "toy"}, keymap=KeyMap(rules=(Strip("toy."),)))


class ToyConfig(JobConfig):
    """A run of the toy."""

    words: str = "the toy job was built"


class ToyJob(Job):
    """Refuses to train, in the words of its configuration."""

    Config = ToyConfig

    def __init__(self, config):
        self.config = config

    def parts(self):
        return {}

    def task(self):
        raise UsageError(self.config.words)

    def outcome(self, model, device):
        raise NotImplementedError


class ToyMethod(Method):
    """Projections of two views are as near as they can be, which collapses."""

    weight: float = 1.0

    def head(self, width):
        return Projection(inputs=width, outputs=4)

    def loss(self, modules, whole_VD):
        first_BD, second_BD = modules["head"](whole_VD).chunk(2)
        return self.weight * (first_BD - second_BD).square().mean(), {}


class ToyOptions(Config):
    """Options of the toy layout."""

    count: int = 1


def build_toy(folder, options: ToyOptions):
    """So many cases of one file."""
    path = next(folder.iterdir()).name
    return Cohort(tuple(Case(id=f"toy{n}", images={IMAGE: path}) for n in range(options.count)), folder, ())


def read_toy(path, reading):
    """A NumPy file under another suffix."""
    return read_numpy(path, reading)


def write_toy(scan, path):
    """The shape, in words."""
    path.write_text(f"toy {scan.shape}")
    return ()
