"""A SavedModel that TensorFlow wrote, through the whole import."""

import zipfile

import numpy as np
import pytest
import torch

from vesalius.errors import InputError
from vesalius.scan.scan import Scan
from vesalius.tasks.weights.importing import import_weights, lines
from vesalius.transforms.contract import read_contract
from vesalius.weights.saved import from_pretrained
from weights.test_tensor_bundle import GOLDEN

NARROW = ["depths=[2,2,1,1]", "factor=0.125", "norm_groups=8"]


@pytest.fixture
def saved_model(tmp_path):
    with zipfile.ZipFile(GOLDEN) as archive:
        archive.extractall(tmp_path / "cxr-narrow-remedis")
    return tmp_path / "cxr-narrow-remedis"


def test_every_tensor_and_the_outputs_of_tensorflow(saved_model, tmp_path):
    result = import_weights(saved_model, "remedis", tmp_path / "model", NARROW, licence="Apache-2.0")
    counts = result.report["counts"]
    assert counts["missing"] == counts["unexpected"] == 0
    assert [name for name, _ in result.report["dropped"]] == ["global_step"]
    assert len(result.files) == 5
    assert any("SHA-256" in line for line in lines(result))
    net = from_pretrained(tmp_path / "model", "encode").net
    with np.load(saved_model / "expected.npz") as expected:
        kernel = expected["resnet/block2/unit01/a/proj/standardized_conv2d/kernel"] / 8
        assert np.array_equal(
            net.stages[1].blocks[0].downsample.conv.weight.detach().numpy(), kernel.transpose(3, 2, 0, 1)
        )
        gamma = expected["resnet/group_norm/gamma"] / 8
        assert np.array_equal(net.norm.weight.detach().numpy(), gamma)
        images_BJIC, features_BJIC = expected["images"].astype(np.float32), expected["features"]
    with torch.no_grad():  # in double precision: rounding differs from processor to processor by more than 1e-5
        whole_BD, places_BLD = net.double()(torch.from_numpy(2.0 * images_BJIC - 1).double().permute(0, 3, 1, 2))
    features = torch.from_numpy(features_BJIC).double()
    torch.testing.assert_close(places_BLD, features.flatten(1, 2), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole_BD, features.mean((1, 2)), atol=1e-5, rtol=1e-5)


def test_the_preparation_scales_as_the_saved_model_does_inside(saved_model, tmp_path):
    import_weights(saved_model, "remedis", tmp_path / "path", NARROW)
    rgb = np.linspace(0, 255, 3 * 40 * 30).reshape(3, 1, 40, 30, 1).round().astype(np.uint8)
    x_BCJI = read_contract(tmp_path / "path").prepared({"image": Scan.from_array(rgb, np.eye(4), colour="rgb")})
    assert x_BCJI.shape == (1, 3, 224, 224)
    assert (x_BCJI[0, 0].min(), x_BCJI[0, 2].max()) == pytest.approx((-1, 1), abs=1e-5)
    import_weights(saved_model, "remedis-cxr", tmp_path / "cxr", NARROW)
    grey = (np.linspace(-100, 3000, 40 * 30)).reshape(1, 1, 40, 30, 1).astype(np.float32)
    x_BCJI = read_contract(tmp_path / "cxr").prepared({"image": Scan.from_array(grey, np.eye(4))})
    assert x_BCJI.shape == (1, 3, 448, 448)
    assert (x_BCJI.min(), x_BCJI.max()) == pytest.approx((-1, 1), abs=1e-5)
    assert np.array_equal(x_BCJI[0, 0], x_BCJI[0, 2])


def test_other_sizes_and_damage_are_one_line(saved_model, tmp_path):
    with pytest.raises(InputError, match="does not fit the network: "):
        import_weights(saved_model, "remedis", tmp_path / "model", ["depths=[2,2,2,1]", *NARROW[1:]])
    (saved_model / "variables" / "variables.data-00001-of-00004").unlink()
    with pytest.raises(InputError, match=r"variables.index: names the shard variables.data-00001-of-00004"):
        import_weights(saved_model, "remedis", tmp_path / "model", NARROW)
    assert not (tmp_path / "model").exists()
