import numpy as np
import pytest
import torch
from torch import nn

from tasks.segment.small import AFFINE, SHAPE, blob
from vesalius.errors import GeometryError, InputError, UsageError
from vesalius.nets.unet import UNet
from vesalius.progress import show_counts
from vesalius.scan.orient import reorient
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.config import InferConfig
from vesalius.tasks.segment.segmenter import Segmenter, probabilities
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.prepare import Prepare
from vesalius.weights.saved import ModelConfig, Part, Pretrained, save_pretrained

SETTINGS = {"labels": {"bright": [4], "dark": [7]}, "patch": [16, 16, 4]}


class Threshold(nn.Module):
    """Above 130 the first class, below 70 the second."""

    def forward(self, x):
        first = x[:, :1]
        return torch.cat([torch.full_like(first, 30.0), (first - 100), (100 - first)], 1)


def segmenter(tmp_path, prepare, images=("image",), **settings):
    sizes = UNet(dims=3, inputs=1, outputs=3)
    config = ModelConfig.of("segment", {"net": sizes}, SETTINGS | settings)
    contract = InputContract(images=images, prepare=prepare, classes=("bright", "dark"))
    part = Part(sizes, Threshold(), tmp_path / "net.safetensors", "")
    return Segmenter(Pretrained(tmp_path, config, {"net": part}), contract)


def expected():
    image = blob(0)[0]
    return np.where(image > 130, 4, np.where(image < 70, 7, 0))


@pytest.mark.parametrize("orient", [None, "RAS", "PSL"])
def test_the_map_lies_on_the_grid_of_the_input(tmp_path, orient):
    scan = reorient(Scan.from_array(blob(0)[0], AFFINE), "LIA")
    found = segmenter(tmp_path, Prepare(layout="CIJK", orient=orient))(scan)
    np.testing.assert_array_equal(found.affine, scan.affine)
    assert found.dtype == np.uint8
    back = reorient(found, "RAS")
    np.testing.assert_array_equal(back.stored()[0, 0], expected())


def test_resampled_there_and_back(tmp_path):
    scan = Scan.from_array(blob(0)[0], AFFINE)
    found = segmenter(tmp_path, Prepare(layout="CIJK", orient="LPI", spacing_mm=(1.0, 1.0, 1.0)))(scan)
    assert found.shape == (1, 1, *SHAPE)
    np.testing.assert_array_equal(found.affine, scan.affine)
    agree = (found.stored()[0, 0] == expected())[blob(0)[1] > 0].mean()
    assert agree > 0.8


def test_every_frame_of_a_cine(tmp_path):
    frames = np.stack([blob(seed)[0] for seed in range(3)])[None]
    scan = Scan.from_array(frames, AFFINE, frame_ms=(0.0, 40.0, 80.0), t_meaning="time")
    found = segmenter(tmp_path, Prepare(layout="CIJK"))(scan)
    assert found.shape == scan.shape
    assert found.frame_ms == scan.frame_ms
    one = segmenter(tmp_path, Prepare(layout="CIJK")).classes({"image": scan}, 2)
    np.testing.assert_array_equal(found.stored()[0, 2], np.array([0, 4, 7])[one])


def test_only_the_largest_piece(tmp_path):
    image = np.full(SHAPE, 100.0, np.float32)
    image[2:6, 2:6, 2:6] = 200
    image[10, 10, 10] = 200
    scan = Scan.from_array(image, AFFINE)
    assert segmenter(tmp_path, Prepare(layout="CIJK"))(scan).stored().sum() == 4 * 65
    one = segmenter(tmp_path, Prepare(layout="CIJK"), infer={"largest": ["bright"]})(scan)
    assert one.stored().sum() == 4 * 64


def test_without_geometry(tmp_path):
    scan = Scan.from_array(blob(0)[0])
    found = segmenter(tmp_path, Prepare(layout="CIJK"))(scan)
    np.testing.assert_array_equal(found.stored()[0, 0], expected())
    with pytest.raises(GeometryError):
        segmenter(tmp_path, Prepare(layout="CIJK", orient="RAS"))(scan)


def test_what_does_not_fit(tmp_path):
    scan = Scan.from_array(blob(0)[0], AFFINE)
    with pytest.raises(InputError, match="the model needs t1, t2; t2 missing"):
        segmenter(tmp_path, Prepare(layout="CIJK"), images=("t1", "t2"))({"t1": scan})
    crops = Prepare(layout="CIJK", steps=({"name": "center_fit", "size": [8, 8, 8]},))
    with pytest.raises(UsageError, match="changes the size"):
        segmenter(tmp_path, crops)(scan)


def test_from_a_folder(tmp_path):
    net = UNet(dims=3, inputs=1, outputs=3, channels=(8, 16))
    save_pretrained(tmp_path, {"net": net.make()}, ModelConfig.of("segment", {"net": net}, SETTINGS))
    write_contract(InputContract(prepare=Prepare(layout="CIJK"), classes=("bright", "dark")), tmp_path)
    found = Segmenter.from_pretrained(tmp_path)(Scan.from_array(blob(0)[0], AFFINE))
    assert found.shape == (1, 1, *SHAPE)
    assert set(np.unique(found.stored())) <= {0, 4, 7}


class PerVoxel(nn.Module):
    """Logits that depend on the voxel alone, so windows cannot matter."""

    def __init__(self):
        super().__init__()
        self.shapes = set()

    def forward(self, x):
        self.shapes.add(tuple(x.shape[1:]))
        return torch.cat([torch.zeros_like(x[:, :1]), x[:, :1], -x[:, :1]], 1)


@pytest.mark.parametrize(("patch", "shape"), [((8, 8, 1), (1, 8, 8)), ((8, 8, 4), (1, 8, 8, 4))])
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_windows_cover_every_voxel(patch, shape, overlap):
    torch.manual_seed(0)
    x, net, counts = torch.randn(1, 13, 9, 6), PerVoxel(), []
    show_counts(lambda done, total, unit: counts.append((done, total, unit)))
    p = probabilities(net, x, patch, InferConfig(overlap=overlap))
    show_counts(None)
    done, total, unit = counts[-1]
    assert (done, unit) == (total, "windows")
    assert p.shape == (3, 13, 9, 6)
    expected = torch.stack([torch.zeros_like(x[0]), x[0], -x[0]]).softmax(0)
    torch.testing.assert_close(p, expected, atol=1e-5, rtol=1e-5)
    assert net.shapes == {shape}


@pytest.mark.parametrize(("flips", "images"), [("", 1), ("I", 2), ("IJ", 4), ("IJK", 8)])
def test_mirror_images_share_in_the_mean(flips, images):
    torch.manual_seed(0)
    net, x = nn.Conv2d(1, 3, 3, padding=1), torch.randn(1, 8, 8, 3)  # a net that knows left from right
    p = probabilities(net, x, (8, 8, 1), InferConfig(flips=flips))
    mirrored = [
        tuple(axis for axis, letter in enumerate("IJK", start=1) if letter in flips and bits >> axis & 1)
        for bits in range(16)
    ]
    total = torch.zeros_like(p)
    for axes in set(mirrored):
        logits_KNIJ = net(x.flip(axes).permute(3, 0, 1, 2))
        total += logits_KNIJ.softmax(1).permute(1, 2, 3, 0).flip(axes)
    assert len(set(mirrored)) == images
    torch.testing.assert_close(p, (total / images).detach())


def test_a_volume_smaller_than_a_window():
    p = probabilities(PerVoxel(), torch.randn(1, 3, 4, 2), (8, 8, 4), InferConfig())
    assert p.shape == (3, 3, 4, 2)
