import pytest
import torch

from tasks.weights.models import TINY_VIT, meddinov3_at, model_at
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.nets.bit import BiT
from vesalius.nets.head import Head, StudyHead
from vesalius.nets.pyramid_unet import PyramidUNet
from vesalius.nets.resnet import ResNet
from vesalius.nets.titok import TiTokNet
from vesalius.nets.titok_tokenizer import TiTokTokens
from vesalius.nets.vit import ViT
from vesalius.tasks.weights.export import export_model, lines
from vesalius.tasks.weights.importing import import_weights
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained


def test_a_model_folder_as_onnx(tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    onnxruntime = pytest.importorskip("onnxruntime")
    folder = model_at(tmp_path / "tiny")
    result = export_model(folder, tmp_path / "tiny.onnx", size=(16, 24))
    assert result.input == ["B", 1, 16, 24]
    assert result.outputs == {"output": ["B", 2, 16, 24]}
    assert result.largest_difference <= result.within
    x = torch.randn(5, 1, 16, 24)
    session = onnxruntime.InferenceSession(str(tmp_path / "tiny.onnx"))
    with torch.no_grad():
        wanted = from_pretrained(folder).net(x)
    torch.testing.assert_close(torch.from_numpy(session.run(None, {"x": x.numpy()})[0]), wanted, atol=1e-4, rtol=1e-4)
    told = session.get_modelmeta().custom_metadata_map
    assert told["weights_sha256"] == from_pretrained(folder).digest
    assert "not a medical device" in told["notice"]
    assert '"name":"unet"' in told["config"]
    assert list(lines(result))[-1] == str(tmp_path / "tiny.onnx")


def test_a_classifier_as_a_whole_and_one_part_of_it(tmp_path):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    nets = {"encoder": ViT(size="micro", depth=1, inputs=1), "head": Head(inputs=128, outputs=2, hidden=0)}
    save_pretrained(tmp_path, {name: net.make() for name, net in nets.items()}, ModelConfig.of("finetune", nets))
    whole = export_model(tmp_path, tmp_path / "whole.onnx", size=(32, 16))
    assert whole.outputs == {"output_0": ["B", 2], "output_1": ["B", 2, 2]}
    with pytest.raises(UsageError, match="input of the network is not one image"):
        export_model(tmp_path, tmp_path / "head.onnx", part="head", size=(32, 16))
    nets["head"] = StudyHead(inputs=128, outputs=2)
    save_pretrained(tmp_path, {name: net.make() for name, net in nets.items()}, ModelConfig.of("detect", nets))
    with pytest.raises(UsageError, match="parts take different inputs; name one with --part: encoder, head"):
        export_model(tmp_path, tmp_path / "study.onnx", size=(32, 16))


@pytest.mark.parametrize("kind", ["resnet", "bit"])
def test_the_ends_of_a_pyramid_by_name(kind, tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    encoder = {
        "resnet": ResNet(depth=18, factor=0.125, inputs=1),
        "bit": BiT(depths=(1, 1, 1, 1), factor=0.125, norm_groups=8),
    }[kind]
    nets = {"encoder": encoder, "head": Head(inputs=encoder.width, outputs=2, hidden=0)}
    modules = {name: net.make() for name, net in nets.items()}
    for module in modules["encoder"].modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # blocks begin as nothing
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    save_pretrained(tmp_path, modules, ModelConfig.of("finetune", nets))
    part = None if kind == "resnet" else "encoder"
    result = export_model(tmp_path, tmp_path / "x.onnx", part=part, size=(64, 32))
    groups = {f"block_group{n}": ["B", encoder.channels[n - 1], 32 >> n, 16 >> n] for n in range(1, 5)}
    logits = {"logits": ["B", 2]} if kind == "resnet" else {}
    assert result.outputs == {"embedding": ["B", encoder.width]} | groups | logits
    assert result.largest_difference < 1e-5 * max(1, result.largest_output)
    x = torch.randn(2, encoder.inputs, 64, 32)
    session = onnxruntime.InferenceSession(str(tmp_path / "x.onnx"))
    outputs = dict(zip(result.outputs, session.run(list(result.outputs), {"x": x.numpy()}), strict=True))
    with torch.no_grad():
        whole_BD, _ = modules["encoder"].eval()(x)
        wanted = {"embedding": whole_BD, **dict(zip(groups, modules["encoder"].maps(x), strict=True))}
        wanted |= {"logits": modules["head"](whole_BD)} if logits else {}
    for name, tensor in wanted.items():
        within = 1e-5 * max(1.0, float(tensor.abs().max()))
        torch.testing.assert_close(torch.from_numpy(outputs[name]), tensor, atol=within, rtol=0)


def test_the_size_of_the_input_contract(tmp_path):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    import_weights(meddinov3_at(tmp_path / "m.pth"), "meddinov3", tmp_path / "m", TINY_VIT)
    result = export_model(tmp_path / "m", tmp_path / "m.onnx")
    assert result.input == ["B", 3, 224, 224]
    assert result.outputs == {"output_0": ["B", 192], "output_1": ["B", 196, 192]}


def test_wrong_words(tmp_path):
    folder = model_at(tmp_path / "tiny")
    with pytest.raises(UsageError, match="'tflite' is not supported"):
        export_model(folder, tmp_path / "x", format="tflite")
    with pytest.raises(UsageError, match="does not state the size of its images; give --size"):
        export_model(folder, tmp_path / "x.onnx")
    for size in ((16, 16, 16), (15, 16), (0, 16)):
        with pytest.raises(UsageError, match=r"does not fit a network of 2 axes that are multiples of 2"):
            export_model(folder, tmp_path / "x.onnx", size=size)
    with pytest.raises(InputError, match="neither a folder nor a model"):
        export_model("segment/none", tmp_path / "x.onnx")
    with pytest.raises(OutputError, match="exists already"):
        export_model(folder, folder / "config.json")
    assert not (tmp_path / "x.onnx").exists()


def test_a_segmenter_of_an_encoder_and_a_decoder(tmp_path):
    net = PyramidUNet(encoder=ResNet(depth=18, factor=0.125), outputs=2, widths=(8, 8, 8, 8, 8))
    parts = {"encoder": net.encoder, "decoder": net.decoder}
    torch.manual_seed(0)
    save_pretrained(tmp_path, {name: part.make() for name, part in parts.items()}, ModelConfig.of("segment", parts))
    done = export_model(tmp_path, tmp_path / "a.onnx", size=(64, 32), within=1e-4)
    assert (done.input, done.outputs) == (["B", 3, 64, 32], {"output": ["B", 2, 64, 32]})


def test_the_halves_of_a_titok(tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    onnxruntime = pytest.importorskip("onnxruntime")
    sizes = {"encoder": "micro", "decoder": "micro", "inputs": 1, "size": (16, 24), "patch": (8, 8), "latents": 5}
    config = TiTokTokens(net=TiTokNet(**sizes, anchors=((1, 1), (2, 2)), order="reshaped"))
    torch.manual_seed(0)
    whole = config.make().eval()
    net = whole.net
    with torch.no_grad():
        net.quantizer.start(torch.randn(4096, 12), 0)
    save_pretrained(tmp_path, {"net": whole}, ModelConfig.of("tokenize", {"net": config}))
    x = torch.rand(3, 1, 16, 24)
    result = export_model(tmp_path, tmp_path / "e.onnx", part="encoder", within=1e-4)
    assert result.outputs == {"latents": ["B", 5, 12], "tokens": ["B", 5]}
    latents, tokens = onnxruntime.InferenceSession(str(tmp_path / "e.onnx")).run(None, {"x": x.numpy()})
    with torch.no_grad():
        assert torch.equal(torch.from_numpy(tokens), net.encode(x).codes_BL)
        assert torch.allclose(torch.from_numpy(latents), net.encoder(x), atol=1e-4)
        result = export_model(tmp_path, tmp_path / "d.onnx", part="decoder", within=1e-4)
        assert result.input == ["B", 5]
        (decoded,) = onnxruntime.InferenceSession(str(tmp_path / "d.onnx")).run(None, {"x": tokens})
        assert torch.allclose(torch.from_numpy(decoded), net.decode_tokens(torch.from_numpy(tokens)), atol=1e-4)
    with pytest.raises(UsageError, match="does not fit patches of 8,8 pixels"):
        export_model(tmp_path, tmp_path / "f.onnx", part="encoder", size=(20, 24))
    with pytest.raises(InputError, match="no part called head"):
        export_model(tmp_path, tmp_path / "f.onnx", part="head", size=(16, 24))
