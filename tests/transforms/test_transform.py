import subprocess
import sys

import numpy as np
import pytest

from vesalius.errors import ConfigError
from vesalius.seeding import generator
from vesalius.transforms.spatial import Flip
from vesalius.transforms.transform import TRANSFORMS, Chain, Sample, Sometimes, Transform, read_transform


class AddOne(Transform):
    by: float = 1.0

    def apply(self, x, params=None):
        return x + self.by


def test_a_chain_does_one_after_the_other():
    chain = Chain.build(transforms=[AddOne(by=2.0), {"name": "standardize", "mean": [2.0], "std": [4.0]}])
    assert not chain.is_random
    x = np.full((1, 2, 2), 8.0, "f4")
    assert (chain.apply(x) == 2).all()
    sample = Sample(x, {"organ": x})
    assert (chain.apply_to(sample, chain.draw(generator(0))).image == 2).all()
    assert chain.apply_mask(x) is x


def test_a_random_chain_wants_its_draw():
    chain = Chain.build(transforms=[{"name": "flip"}])
    assert chain.is_random
    with pytest.raises(TypeError):
        chain.apply(np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="argument 2"):
        chain.apply(np.zeros((1, 2, 2)), ("", ""))


def test_sometimes_is_as_often_as_asked():
    one = Sometimes(p=0.3, transform=AddOne())
    drawn = [one.draw(generator("often", n)) for n in range(2000)]
    assert np.mean([params is not None for params in drawn]) == pytest.approx(0.3, abs=0.04)
    assert {one.apply(0.0, params) for params in drawn} == {0.0, 1.0}
    assert Sometimes(p=1, transform=AddOne()).draw(generator(0)) == (None,)
    assert Sometimes(p=0, transform=AddOne()).draw(generator(0)) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "flop"}, "flop: no such transform; did you mean 'flip'?"),
        ({"name": "flip", "axis": "I"}, "flip.axis: no such key; did you mean 'axes'?"),
        ({"axes": "I"}, "name of a transform: is required and missing"),
        ({"name": "affine", "scale": [2, 1]}, "affine.scale: "),
        ({"name": "sometimes", "p": 1, "transform": {"name": "blur", "sigma": [0, 1]}}, "above 0"),
        ({"name": "flip", "axes": "JI"}, "flip.axes"),
        ({"name": "sometimes", "p": 1, "transform": 3}, "sometimes.transform: 3 was given"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(given, words):
    with pytest.raises(ConfigError) as caught:
        Chain.build(transforms=[given])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_of_ones_own_is_named_by_its_home():
    assert AddOne().model_dump() == {"name": f"{AddOne.__module__}:AddOne", "by": 1.0}
    assert AddOne().digest() != AddOne(by=2.0).digest()
    assert read_transform(AddOne()) == AddOne()


def test_nothing_heavy_is_imported():
    code = (
        "import sys, vesalius.transforms.prepare\n"
        "from vesalius.transforms.transform import TRANSFORMS\n"
        "[TRANSFORMS.get(name) for name in TRANSFORMS.names()]\n"
        "print(sorted({'torch', 'monai', 'torchio', 'matplotlib', 'skimage', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_and_classes():
    assert TRANSFORMS.get("flip") is Flip
    assert TRANSFORMS.name_of(Flip) == "flip"
    assert list(TRANSFORMS.names()) == sorted(TRANSFORMS.names())
    with pytest.raises(ConfigError, match="flap: no such transform; did you mean 'flip'"):
        TRANSFORMS.get("flap")
