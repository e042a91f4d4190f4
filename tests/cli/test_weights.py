"""weights list, import and fetch, and export as a user calls them."""

import pytest

from tasks.weights.models import meddinov3_at, model_at
from vesalius.tasks.weights.importing import import_weights
from weights.hub_stub import StubHub, stubbed

TINY = ("size=tiny", "depth=2")


def test_list(vesalius, tmp_path):
    folder = model_at(tmp_path / "tiny")
    done = vesalius("weights", "list", folder)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{folder}  segment: net unet ")
    assert "cc0-1.0\n    A tiny net.\n" in done.out
    assert vesalius("weights", "list", "--json").told["public"]
    assert vesalius("weights", "list", folder, tmp_path / "none", "--json").code == 2


def test_import(vesalius, tmp_path):
    source = meddinov3_at(tmp_path / "model.pth")
    done = vesalius("weights", "import", source, "--layout", "meddinov3", "-o", tmp_path / "a", *TINY)
    assert (done.code, done.err) == (0, "")
    assert "missing: 0, unexpected: 0, other shape: 0\n" in done.out
    assert "left out: 1 head of the pre-training (dino_head.mlp.0.weight)\n" in done.out
    words = ("weights", "import", source, "--layout", "meddinov3", *TINY)
    assert vesalius(*words, "-o", tmp_path / "b", "--json").told["report"]["fits"]
    assert "exists already" in vesalius(*words, "-o", tmp_path / "b").error
    wide = vesalius(*words[:-1], "depth=3", "-o", tmp_path / "c")
    assert "does not fit the network: 13 missing (vit.blocks.2.gamma_1, " in wide.error
    done = vesalius(*words[:-1], "depth=3", "-o", tmp_path / "c", "--allow", "vit.blocks.2.*", "--licence", "mit")
    assert done.code == 0
    assert "note:" not in done.out


def test_import_is_a_function_too(tmp_path):
    import vesalius as package

    assert package.import_weights is import_weights


def test_fetch(vesalius, tmp_path):
    with stubbed(StubHub({"config.json": b"{}", "model.safetensors": b"x" * 3_000_000})):
        done = vesalius("weights", "fetch", "rad-dino", "--check-size")
        assert done.code == 0
        assert "licence: MIT" in done.err
        assert "model.safetensors  3.0 MB" in done.out
        done = vesalius("weights", "fetch", "rad-dino", "--files", tmp_path / "rad", "-q")
    assert done.out.endswith(f"next: vesalius weights fetch rad-dino --from {tmp_path / 'rad'} -o rad-dino\n")
    source = meddinov3_at(tmp_path / "model.pth")
    done = vesalius("weights", "fetch", "meddinov3", "--from", source, "-o", tmp_path / "model", *TINY)
    assert (done.code, "missing: 0" in done.out) == (0, True)
    assert "licence: Apache-2.0 by its authors" in done.err


def test_fetch_offline_is_one_line(vesalius, tmp_path):
    done = vesalius("weights", "fetch", "voco-base", "-o", tmp_path / "voco", "-q")
    assert "the hub cannot be reached" in done.error
    assert not (tmp_path / "voco").exists()


def test_export(vesalius, tmp_path):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    folder = model_at(tmp_path / "tiny")
    words = ("export", folder, "--format", "onnx", "-o", tmp_path / "tiny.onnx", "--size", "16,16")
    done = vesalius(*words)
    assert (done.code, done.err) == (0, "")
    assert "ONNX Runtime differs by at most" in done.out
    assert "exists already" in vesalius(*words).error
    assert vesalius(*words, "--size", "64x32").error.startswith(
        "--size: '64x32' is not a list of comma-separated numbers"
    )
    assert vesalius(*words, "--force", "--json").told["opset"] == 20
