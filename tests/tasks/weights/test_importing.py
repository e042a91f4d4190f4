import hashlib
import json

import numpy as np
import pytest
import torch

from tasks.weights.models import NET, TINY_VIT, meddinov3_at, shared_bare
from vesalius.errors import ConfigError, InputError, OutputError, UsageError
from vesalius.nets.vit import ViT
from vesalius.scan.scan import Scan
from vesalius.tasks.weights.importing import import_weights, lines
from vesalius.transforms.contract import read_contract
from vesalius.weights.layouts.table import LAYOUTS
from vesalius.weights.saved import from_pretrained
from weights.layouts.dinov3_by_hand import forward, raw_state


def test_a_public_file_becomes_a_model_that_gives_the_same(tmp_path):
    source = meddinov3_at(tmp_path / "model.pth")
    result = import_weights(source, "meddinov3", tmp_path / "out", [*TINY_VIT, "rope=fp32"], licence="apache-2.0")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert result.files == {"model.pth": digest}
    assert result.report["counts"]["missing"] == result.report["counts"]["unexpected"] == 0
    loaded = from_pretrained(tmp_path / "out", "encode")
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        for got, wanted in zip(loaded.net(x), forward(raw_state(192, 2, qkv_bias=False), x, 3, 1e-6), strict=True):
            torch.testing.assert_close(got, wanted, atol=2e-5, rtol=1e-5)
    assert loaded.config.settings["source"] == {"sha256": {"model.pth": digest}}
    assert read_contract(tmp_path / "out").prepare.plane == "axial"
    assert json.loads((tmp_path / "out" / "match.json").read_text())["fits"]
    assert "apache-2.0" in (tmp_path / "out" / "README.md").read_text()
    told = list(lines(result))
    assert told[0] == f"model.pth  SHA-256 {digest}"
    assert told[-1] == str(tmp_path / "out")
    assert not any(line.startswith("note:") for line in told)


def test_what_does_not_fit_leaves_nothing(tmp_path):
    source = shared_bare(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"x\.safetensors: does not fit the network: 26 missing \(vit.blocks.2"):
        import_weights(source, "meddinov3", tmp_path / "out", ["size=tiny", "depth=4"])
    assert not (tmp_path / "out").exists()


def test_allowed_tensors_are_written_down(tmp_path):
    source = shared_bare(tmp_path / "x.safetensors")
    words = ["size=tiny", "depth=3", "inputs=1"]
    allow = ["vit.blocks.2.*", "vit.patch_embed.proj.weight"]
    result = import_weights(source, "meddinov3", tmp_path / "out", words, allow=allow)
    allowed = from_pretrained(tmp_path / "out").config.settings["allowed"]
    assert len(allowed) == 13 + 1
    assert ["vit.patch_embed.proj.weight", "shape"] in allowed
    assert "inputs=1 --allow 'vit.blocks.2.*' --allow vit.patch" in (tmp_path / "out" / "README.md").read_text()
    told = list(lines(result))
    assert sum(line.startswith("note:") for line in told) == 2
    assert any(line.startswith("allowed: 13 missing") for line in told)


def test_our_own_tensors_need_the_name_of_their_network(tmp_path):
    net = NET.make()
    torch.save(net.state_dict(), tmp_path / "x.pt")
    with pytest.raises(UsageError, match="layout vesalius: does not know the network; add name=NET"):
        import_weights(tmp_path / "x.pt", "vesalius", tmp_path / "out")
    words = ["name=unet", "dims=2", "inputs=1", "outputs=2", "channels=[8,16]", "units=1"]
    import_weights(tmp_path / "x.pt", "vesalius", tmp_path / "out", words)
    loaded = from_pretrained(tmp_path / "out")
    assert loaded.parts["net"].config == NET
    assert all(torch.equal(loaded.net.state_dict()[name], tensor) for name, tensor in net.state_dict().items())


def test_wrong_words(tmp_path):
    source = shared_bare(tmp_path / "x.safetensors")
    with pytest.raises(ConfigError, match="no such layout"):
        import_weights(source, "dino3", tmp_path / "out")
    with pytest.raises(ConfigError, match="dept: no such key; did you mean 'depth'"):
        import_weights(source, "dinov3", tmp_path / "out", ["dept=3"])
    with pytest.raises(ConfigError, match="no such network"):
        import_weights(source, "dinov3", tmp_path / "out", ["name=vitt"])
    with pytest.raises(OutputError, match="exists already"):
        import_weights(source, "dinov3", source)


def test_ct_slices_for_meddinov3(tmp_path):
    import_weights(meddinov3_at(tmp_path / "m.pth"), "meddinov3", tmp_path / "m", TINY_VIT)
    contract = read_contract(tmp_path / "m")
    hu = np.linspace(-900, 1500, 32 * 32 * 5, dtype=np.float32).reshape(1, 1, 32, 32, 5).copy()
    hu[0, 0, :16, :16] = -3000
    hu[0, 0, 16:, 16:] = 65.1084213
    x_BCJI = contract.prepared({"image": Scan.from_array(hu, np.diag([-1.0, -1.0, 5.0, 1.0]))})
    assert x_BCJI.shape == (5, 3, 224, 224)
    assert np.array_equal(x_BCJI[:, 0], x_BCJI[:, 2])
    assert x_BCJI.min() == pytest.approx((-1000 - 65.1084213) / 178.0166321, rel=1e-5)
    assert x_BCJI.max() <= (1000 - 65.1084213) / 178.0166321 + 1e-4
    assert abs(x_BCJI[0, 0, 170, 170]) < 1e-4


def test_what_is_not_known_is_not_invented(tmp_path):
    layouts = {name: LAYOUTS.get(name) for name in LAYOUTS.names()}
    known = {name: layout.images for name, layout in layouts.items() if layout.images}
    assert known == {"meddinov3": "ct-wide", "remedis": "colour", "remedis-cxr": "xray"}
    grey = ViT(size="tiny", depth=2, inputs=1, qkv_bias=False)
    state = {name.removeprefix("vit."): value for name, value in grey.make().state_dict().items()}
    torch.save({"teacher": state}, tmp_path / "m.pth")
    result = import_weights(tmp_path / "m.pth", "meddinov3", tmp_path / "m", [*TINY_VIT, "inputs=1"], allow=["*"])
    assert not result.contract
    assert not (tmp_path / "m" / "preprocessor.json").exists()
