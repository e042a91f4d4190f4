"""Segmenters as ONNX: what a program needs stands beside the file, and is enough to give the same probabilities."""

import json

import numpy as np
import pytest
import torch

from vesalius.errors import OutputError, UsageError
from vesalius.nets.pyramid_unet import PyramidUNet
from vesalius.nets.resnet import ResNet
from vesalius.nets.segresnet import SegResNet
from vesalius.nets.ume import UMESegmenter
from vesalius.nets.unet import UNet
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.weights.export import export_model, lines
from vesalius.tasks.weights.segmenter_facts import segmenter_facts
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.prepare import Prepare
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

ENCODER = {"name": "ume", "inputs": 2, "size": "micro", "patch": 8, "picture": 32, "max_keyframes": 4}
NETS = {
    "unet": (UNet(dims=3, inputs=1, outputs=3, channels=(8, 16), units=1), [16, 16, 4]),
    "unet of pictures": (UNet(dims=2, inputs=1, outputs=3, channels=(8, 16), units=1), [16, 16, 1]),
    "segresnet": (SegResNet(dims=3, inputs=2, outputs=3, width=8, down=(1, 1), up=(1,)), [16, 16, 4]),
    "ume": (UMESegmenter.build(encoder=ENCODER, outputs=3, channels=8), [16, 16, 6]),
}


@pytest.fixture(autouse=True)
def _needs_onnx():
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)


def make(folder, net, patch):
    folder.mkdir()
    torch.manual_seed(0)
    settings = {"labels": {"bright": [4], "dark": [7, 8]}, "patch": patch, "infer": {"overlap": 0.0}}
    save_pretrained(folder, {"net": net.make()}, ModelConfig.of("segment", {"net": net}, settings))
    images = ("t1", "t2")[: net.inputs]
    values = ({"name": "zscore"},)
    write_contract(InputContract(images=images, prepare=Prepare(layout="CIJK", values=values)), folder)
    return folder


def run(path, x):
    import onnxruntime

    return torch.from_numpy(onnxruntime.InferenceSession(str(path)).run(None, {"x": x.numpy()})[0])


@pytest.mark.parametrize("name", NETS)
def test_the_file_equals_the_model_and_the_facts_are_beside_it(name, tmp_path):
    import onnxruntime

    net, patch = NETS[name]
    folder, path = make(tmp_path / "model", net, patch), tmp_path / "net.onnx"
    result = export_model(folder, path, within=1e-4)
    size = patch[: net.dims]
    x = torch.randn(3, net.inputs, *size)
    if name == "ume":
        x[0, 1] = torch.nan  # a missing modality
    with torch.no_grad():
        wanted = from_pretrained(folder).net(x)
    assert float(wanted.std()) > 1e-2
    assert wanted.isfinite().all()
    torch.testing.assert_close(run(path, x), wanted, atol=1e-4, rtol=0)
    facts = json.loads((tmp_path / "net.json").read_text())
    axes = "IJK"[: net.dims]
    assert (facts["input"]["layout"], facts["output"]["layout"]) == (f"BC{axes}", f"BN{axes}")
    assert facts["input"]["shape"] == ["B", net.inputs, *size]
    assert facts["input"]["images"] == ["t1", "t2"][: net.inputs]
    assert facts["output"]["shape"] == result.outputs["output"] == ["B", 3, *size]
    assert facts["output"]["classes"] == ["background", "bright", "dark"]
    assert facts["labels"] == {"bright": 4, "dark": 7}
    assert facts["patch"] == patch
    assert facts["windows"] == {"overlap": 0.0}
    assert facts["preparation"]["values"][0]["name"] == "zscore"
    assert facts["weights_sha256"] == from_pretrained(folder).digest
    assert "not a medical device" in facts["notice"]
    stored = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map["segmenter"]
    assert json.loads(stored) == facts
    assert result.facts == str(tmp_path / "net.json")
    assert list(lines(result))[-1] == result.facts
    assert_enough_to_predict(folder, path, facts)
    if name == "ume":
        assert (facts["frames"]["axis"], facts["frames"]["count"]) == ("K", 6)
        assert "exactly 6 frames along K; export again with --size" in result.note == facts["frames"]["note"]
        assert f"note: {result.note}" in list(lines(result))
        with pytest.raises(Exception, match="Expected: 6"):
            run(path, torch.randn(1, 2, 16, 16, 7))
    else:
        assert (facts["frames"], result.note) == (None, "")


def assert_enough_to_predict(folder, path, facts):
    """Preparation, window and softmax as the JSON file states them give the probabilities of the model."""
    draw = np.random.default_rng(0)
    names = facts["input"]["images"]
    scans = {t: Scan.from_array(draw.normal(100, 20, facts["patch"]).astype(np.float32), np.eye(4)) for t in names}
    x_CIJK = Prepare.model_validate(facts["preparation"])(list(scans.values()))
    x = torch.from_numpy(x_CIJK)[None].reshape(1, *facts["input"]["shape"][1:])
    p_NIJK = run(path, x).softmax(1)[0].numpy().reshape(3, *facts["patch"])
    np.testing.assert_allclose(p_NIJK, Segmenter.from_pretrained(folder).probabilities(scans), atol=1e-4)


def test_the_file_of_ume_fixes_the_number_of_frames(tmp_path):
    net, patch = NETS["ume"]
    folder, path = make(tmp_path / "model", net, patch), tmp_path / "net.onnx"
    for size in ((16, 16), (12, 16, 6), (16, 16, 0)):
        with pytest.raises(
            UsageError, match="2 axes that are multiples of 8, and of a fixed number of frames as the last"
        ):
            export_model(folder, path, size=size)
    assert not path.exists()


def test_an_existing_file_of_facts_is_refused_before_anything_is_written(tmp_path):
    folder = make(tmp_path / "model", *NETS["unet of pictures"])
    (tmp_path / "net.json").write_text("{}")
    with pytest.raises(OutputError, match=r"net\.json: exists already"):
        export_model(folder, tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()
    assert (tmp_path / "net.json").read_text() == "{}"


def test_the_encoder_of_a_segmenter_is_no_segmenter(tmp_path):
    net = PyramidUNet(encoder=ResNet(depth=18, factor=0.125), outputs=3, widths=(8, 8, 8, 8, 8))
    parts = {"encoder": net.encoder, "decoder": net.decoder}
    settings = {"labels": {"bright": [4], "dark": [7]}, "patch": [64, 32, 1]}
    torch.manual_seed(0)
    modules = {name: part.make() for name, part in parts.items()}
    save_pretrained(tmp_path, modules, ModelConfig.of("segment", parts, settings))
    write_contract(InputContract(prepare=Prepare(layout="CIJK")), tmp_path)
    encoder = from_pretrained(tmp_path, only="encoder")
    assert segmenter_facts(encoder, net.encoder, (3, 64, 32), 20) is None
    facts = segmenter_facts(from_pretrained(tmp_path), net, (3, 64, 32), 20)
    assert facts is not None
    assert (facts["input"]["layout"], facts["output"]["shape"]) == ("BCIJ", ["B", 3, 64, 32])
