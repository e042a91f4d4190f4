import json

from tasks.weights.models import model_at
from vesalius.json_values import as_json
from vesalius.tasks.weights.listing import lines, list_weights
from vesalius.weights import place


def test_the_zoo(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "ZOO", tmp_path)
    folder = model_at(tmp_path / "segment" / "tiny")
    result = list_weights()
    (one,) = result.models
    assert one == {
        "name": "segment/tiny",
        "task": "segment",
        "net": "unet",
        "mb": (size := (folder / "net.safetensors").stat().st_size / 1e6),
        "parts": {"net": {"net": "unet", "mb": size}},
        "licence": "cc0-1.0",
        "about": "A tiny net.",
    }
    assert {public["name"] for public in result.public} >= {"meddinov3", "voco-base", "rad-dino"}
    assert {asked["name"] for asked in result.on_request} >= {"cxr-50x1-remedis-m", "path-152x2-remedis-s"}
    assert all("physionet" in f"{asked['licence']} {asked['request']}".lower() for asked in result.on_request)
    assert result.failed == []
    assert any("A tiny net." in line for line in lines(result))
    json.dumps(as_json(result))


def test_folders_and_what_is_wrong_with_them(tmp_path):
    good = model_at(tmp_path / "good")
    (good / "README.md").unlink()
    damaged = model_at(tmp_path / "damaged")
    (damaged / "config.json").write_text('{"task": "segment"}')
    result = list_weights([good, damaged, tmp_path / "none"])
    assert [one["licence"] for one in result.models] == ["unknown"]
    assert [one["path"] for one in result.failed] == [str(damaged), str(tmp_path / "none")]
    assert result.public == result.on_request == []
    assert sum(line.startswith("failed: ") for line in lines(result)) == 2


def test_an_empty_zoo(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "ZOO", tmp_path / "none")
    assert next(iter(lines(list_weights()))) == "no model comes with this version"
