import sys
import types

import numpy as np
import pytest

from vesalius.errors import ConfigError, MissingExtraError, UsageError
from vesalius.seeding import generator
from vesalius.transforms.adapter import Monai, MonaiDict, TorchIO
from vesalius.transforms.transform import Chain, Sample, read_transform


class RandRoll:
    """Looks like an array transform of MONAI that moves voxels; changes its input in place."""

    def __init__(self, most=3):
        self.most = most
        self.set_random_state(0)

    def set_random_state(self, seed=None, state=None):
        self.random = np.random.RandomState(seed)
        return self

    def __call__(self, img, mode="bilinear"):
        img[...] = np.roll(img, self.random.randint(1, self.most + 1), axis=1)
        return img + (0.25 if mode == "bilinear" else 0)


class RandRolld(RandRoll):
    """Looks like a dictionary transform."""

    def __call__(self, data):
        step = self.random.randint(1, self.most + 1)
        return {key: np.roll(value, step, axis=1) for key, value in data.items()}


class GivesTwo(RandRolld):
    def __call__(self, data):
        return [data, data]


class Breaks:
    def __call__(self, img):
        raise RuntimeError("no\nluck")


@pytest.fixture
def fake_monai(monkeypatch):
    module = types.ModuleType("monai.transforms")
    module.RandRoll, module.RandRolld, module.GivesTwo, module.Breaks = RandRoll, RandRolld, GivesTwo, Breaks
    monkeypatch.setitem(sys.modules, "monai", types.ModuleType("monai"))
    monkeypatch.setitem(sys.modules, "monai.transforms", module)


def picture():
    return np.random.default_rng(0).random((2, 9, 5)).astype("f4")


@pytest.mark.usefixtures("fake_monai")
def test_one_seed_moves_image_and_mask_alike():
    one = read_transform({"name": "monai", "target": "RandRoll", "settings": {"most": 5}, "mask": "follows"})
    x = picture()
    before, mask = x.copy(), (x > 0.5).astype("i2")
    steps = set()
    for n in range(30):
        params = one.draw(generator("roll", n))
        done = one.apply_to(Sample(x, {"organ": mask}), params)
        np.testing.assert_array_equal(done.image - 0.25 > 0.5, done.masks["organ"] > 0)
        np.testing.assert_array_equal(done.image, one.apply(x, params))
        assert (done.image.dtype, done.masks["organ"].dtype) == (np.float32, np.int16)
        steps |= {step for step in range(9) if np.allclose(np.roll(x, step, axis=1) + 0.25, done.image)}
    assert steps == {1, 2, 3, 4, 5}
    np.testing.assert_array_equal(x, before)
    unchanged = Monai(target="RandRoll", mask="unchanged")
    assert unchanged.apply_mask(mask, 3) is mask


@pytest.mark.usefixtures("fake_monai")
def test_frames_are_channels():
    one = Monai(target="RandRoll", mask="follows")
    cine = np.random.default_rng(0).random((2, 3, 9, 5, 2)).astype("f4")
    done = one.apply(cine, 4)
    for t in range(3):
        np.testing.assert_array_equal(done[:, t], one.apply(cine[:, t], 4))


@pytest.mark.usefixtures("fake_monai")
def test_a_dictionary_takes_whole_samples():
    one = read_transform({"name": "monai_dict", "target": "RandRolld"})
    x = picture()
    done = one.apply_to(Sample(x, {"organ": x > 0.5}, {"age": 3}), one.draw(generator(0)))
    np.testing.assert_array_equal(done.image > 0.5, done.masks["organ"])
    assert done.facts == {"age": 3}
    np.testing.assert_array_equal(one.apply(x, 4), one.apply_to(Sample(x), 4).image)
    with pytest.raises(UsageError, match="takes whole samples"):
        one.apply_mask(x, 4)
    with pytest.raises(UsageError, match="does not take a cine"):
        one.apply(np.zeros((1, 2, 3, 3, 3)), 4)
    with pytest.raises(UsageError, match="several samples"):
        MonaiDict(target="GivesTwo").apply(x, 4)


@pytest.mark.usefixtures("fake_monai")
def test_what_goes_wrong_is_one_line():
    with pytest.raises(ConfigError, match="RandRol: no such class"):
        Monai(target="RandRol", mask="follows").apply(picture(), 0)
    with pytest.raises(ConfigError, match=r"RandRoll: cannot be made: .*'least'"):
        Monai(target="RandRoll", settings={"least": 3}, mask="follows").apply(picture(), 0)
    with pytest.raises(UsageError, match="Breaks: failed: RuntimeError: no luck") as caught:
        Monai(target="Breaks", mask="follows").apply(picture(), 0)
    assert "\n" not in str(caught.value)


def test_without_the_libraries(monkeypatch):
    for name in ("monai", "monai.transforms", "torchio"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"vesalius\[nets\]"):
        Monai(target="RandFlip", mask="follows").apply(picture(), 0)
    with pytest.raises(UsageError, match="torchio is not installed; install it"):
        TorchIO(target="RandomFlip").apply(picture(), 0)


def test_objects_that_exist_are_wrapped():
    one = Monai.of(RandRoll(most=1), "roll by one", mask="follows")
    np.testing.assert_allclose(one.apply(picture(), 0), np.roll(picture(), 1, axis=1) + 0.25)
    chain = Chain(transforms=(one,))
    assert chain.is_random
    assert chain.digest() != Chain(transforms=(Monai.of(RandRoll(most=2), "roll by two", mask="follows"),)).digest()


def test_settings_are_part_of_the_digest():
    digests = {
        Monai(target="A", settings={"p": p}, mask=mask).digest() for p in (1, 2) for mask in ("follows", "unchanged")
    }
    assert len(digests) == 4
    assert MonaiDict(target="A").digest() != TorchIO(target="A").digest()


def test_torchio_by_its_interface(monkeypatch):
    class Tensor:
        def __init__(self, array):
            self.array = array

        def detach(self):
            return self

        cpu = detach

        def numpy(self):
            return self.array

    class Image:
        def __init__(self, tensor):
            self.data = tensor

    class ScalarImage(Image):
        pass

    class LabelMap(Image):
        pass

    class RandomThing:
        def __call__(self, subject):
            one = subject["one"]
            seen.append((type(one).__name__, one.data.array.shape))
            array = np.roll(one.data.array, state["seed"] % 4, axis=1)
            return {"one": Image(Tensor(array if isinstance(one, LabelMap) else array + 1))}

    class Fork:
        def __init__(self, devices):
            assert devices == []

        def __enter__(self):
            self.held = state["seed"]

        def __exit__(self, *_):
            state["seed"] = self.held

    seen, state = [], {"seed": -1}
    torchio, torch = types.ModuleType("torchio"), types.ModuleType("torch")
    torchio.Subject, torchio.ScalarImage, torchio.LabelMap, torchio.RandomThing = (
        dict,
        ScalarImage,
        LabelMap,
        RandomThing,
    )
    torch.from_numpy, torch.manual_seed, torch.Tensor = Tensor, lambda seed: state.update(seed=seed), Tensor
    torch.random = types.SimpleNamespace(fork_rng=Fork)
    monkeypatch.setitem(sys.modules, "torchio", torchio)
    monkeypatch.setitem(sys.modules, "torch", torch)
    one = read_transform({"name": "torchio", "target": "RandomThing"})
    x = picture()
    done = one.apply_to(Sample(x, {"organ": (x > 0.5).astype("i2")}), 6)
    np.testing.assert_array_equal(done.image, np.roll(x, 2, axis=1) + 1)
    np.testing.assert_array_equal(done.masks["organ"], np.roll(x, 2, axis=1) > 0.5)
    one.apply(np.zeros((2, 3, 4, 5, 6)), 0)
    assert seen == [("LabelMap", (2, 9, 5, 1)), ("ScalarImage", (2, 9, 5, 1)), ("ScalarImage", (6, 4, 5, 6))]
    assert state["seed"] == -1


def blob(layout):
    shape = {"CJI": (1, 24, 24), "CIJK": (1, 24, 24, 12), "CTIJK": (1, 2, 24, 24, 12)}[layout]
    x = np.zeros(shape, "f4")
    x[..., 6:16, 4:9] = 1
    if layout != "CJI":
        x[..., :5, :, :] = 0
    return x


REAL = [
    {"name": "monai", "target": "RandAffine", "settings": {"prob": 1.0, "rotate_range": 0.4}, "mask": "follows"},
    {"name": "monai", "target": "RandFlip", "settings": {"prob": 0.5, "spatial_axis": 0}, "mask": "follows"},
    {"name": "monai", "target": "RandGaussianNoise", "settings": {"prob": 1.0}, "mask": "unchanged"},
    {
        "name": "monai_dict",
        "target": "RandAffined",
        "settings": {"keys": ["image", "organ"], "prob": 1.0, "rotate_range": 0.4, "mode": ["bilinear", "nearest"]},
    },
    {"name": "torchio", "target": "RandomAffine"},
    {"name": "torchio", "target": "RandomFlip", "settings": {"axes": [0, 1]}},
    {"name": "torchio", "target": "RandomNoise"},
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("config", REAL, ids=lambda config: f"{config['name']}-{config['target']}")
@pytest.mark.parametrize("layout", ["CJI", "CIJK", "CTIJK"])
def test_the_real_libraries(config, layout):
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchio" if config["name"] == "torchio" else "monai")
    if config["name"] == "monai_dict" and layout == "CTIJK":
        pytest.skip("whole samples of a cine are refused")
    one, x = read_transform(config), blob(layout)
    results = set()
    torch.manual_seed(7)
    untouched = torch.random.get_rng_state()
    for n in range(6):
        params = one.draw(generator("real", n))
        given = Sample(x, {"organ": (x > 0.5).astype("i2")})
        done = one.apply_to(given, params)
        again = one.apply_to(Sample(torch.from_numpy(x), {"organ": torch.from_numpy(given.masks["organ"])}), params)
        np.testing.assert_array_equal(done.image, again.image.numpy())
        np.testing.assert_array_equal(done.masks["organ"], again.masks["organ"].numpy())
        assert (done.image.shape, done.image.dtype, done.masks["organ"].dtype) == (x.shape, np.float32, np.int16)
        if "Noise" not in config["target"]:
            sure = np.abs(done.image - 0.5) > 0.49
            np.testing.assert_array_equal((done.image > 0.5)[sure], done.masks["organ"][sure] > 0)
        results.add(done.image.tobytes())
    assert len(results) > 1
    assert torch.equal(torch.random.get_rng_state(), untouched)
