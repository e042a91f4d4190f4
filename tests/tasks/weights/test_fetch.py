import hashlib
import json
import time
from pathlib import Path

import pytest

from tasks.weights.models import TINY_VIT, meddinov3_at
from vesalius.errors import ConfigError, InputError, OutputError, UsageError
from vesalius.tasks.weights.fetch import fetch_weights, lines
from vesalius.weights.known import KNOWN
from vesalius.weights.saved import digest_of
from weights.hub_stub import COMMIT, StubHub, stubbed


def test_fetched_and_imported_with_its_licence(tmp_path):
    data = meddinov3_at(tmp_path / "model.pth").read_bytes()
    told = []
    kept, model = tmp_path / "kept", tmp_path / "new" / "model"
    with stubbed(StubHub({"model.pth": data})) as hub:
        result = fetch_weights("meddinov3", model, TINY_VIT, files=kept, progress=told.append)
        again = fetch_weights("meddinov3", tmp_path / "again", TINY_VIT)
    assert any("DINOv3 License, too; about 342.6 MB" in line for line in told)
    assert "not pinned" in told[-1]
    assert any(method == "GET" and "model.pth" in path for method, path in hub.asked)
    assert (kept / "model.pth").read_bytes() == data
    source = json.loads((kept / "source.json").read_text())
    assert source["revision"] == COMMIT == result.revision
    assert source["sha256"] == {"model.pth": hashlib.sha256(data).hexdigest()}
    assert sorted(path.name for path in kept.iterdir()) == ["model.pth", "source.json"]
    assert result.imported.licence == again.imported.licence == source["licence"]
    assert digest_of(model) == digest_of(tmp_path / "again")
    assert all(COMMIT in (folder / "README.md").read_text() for folder in (model, tmp_path / "again"))
    assert str(model) in list(lines(result))
    local = fetch_weights("meddinov3", tmp_path / "local", TINY_VIT, source=kept)  # no network
    assert (local.revision, local.imported.licence) == (None, source["licence"])
    assert COMMIT in (tmp_path / "local" / "README.md").read_text()
    with pytest.raises(InputError, match="does not fit the network"):
        fetch_weights("meddinov3", tmp_path / "wide", source=kept / "model.pth")
    with pytest.raises(InputError, match=r"none.pth: does not exist; name model.pth or its folder"):
        fetch_weights("meddinov3", tmp_path / "wide", source=kept / "none.pth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "kept", "local", "model.pth", "new"]


def test_without_a_network_the_size_of_the_network_is_told(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the hub's library tries five times
    result = fetch_weights("meddinov3", check_size=True)
    assert (result.files, result.bytes) == ({}, 4 * KNOWN["meddinov3"].numbers)
    assert next(iter(lines(result))).startswith("about 342.6 MB: ")


def test_a_size_is_only_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with stubbed(StubHub({"config.json": b"{}", "model.safetensors": b"x" * 1000})) as hub:
        result = fetch_weights("dinov2-base", check_size=True)
    assert (result.bytes, result.path, result.pinned) == (1002, None, True)
    assert [method for method, _ in hub.asked] == ["GET"]
    assert "f9e44c814b77203eaa57a6bdbbd535f21ede1415" in hub.asked[0][1]
    assert list(tmp_path.iterdir()) == []
    with stubbed(StubHub({"config.json": b"{}", "model.safetensors": b"x"})):
        assert not fetch_weights("dinov2-base", check_size=True, revision="main").pinned


def test_nothing_is_left_where_it_failed(tmp_path):
    with stubbed(StubHub({"model.pth": b"x"})) as hub:
        answer = hub.answer

        def gone(request):
            hub.status = 404 if "/resolve/" in request.url.path else 200
            return answer(request)

        hub.answer = gone
        with pytest.raises(InputError):
            fetch_weights("meddinov3", tmp_path / "there")
    assert list(tmp_path.iterdir()) == []


def test_wrong_words():
    with pytest.raises(ConfigError, match="no such public model"):
        fetch_weights("vocobase", check_size=True)
    with pytest.raises(UsageError, match="no folder is given"):
        fetch_weights("meddinov3")
    with pytest.raises(UsageError, match="--from: ftp is not supported"):
        fetch_weights("meddinov3", source="ftp://x/y.pth", check_size=True)
    with pytest.raises(UsageError, match="--files: keeps what comes from a network"):
        fetch_weights("meddinov3", Path("m"), source="x.pth", files=Path("f"))
    with pytest.raises(UsageError, match="--revision: belongs to the hub"):
        fetch_weights("meddinov3", source="https://x.example/y.pth", revision="main", check_size=True)


def test_an_existing_folder_is_refused_before_anything_is_asked(tmp_path):
    (tmp_path / "mine").write_text("x")
    with stubbed(StubHub({})) as hub, pytest.raises(OutputError, match="exists already"):
        fetch_weights("meddinov3", tmp_path)
    assert hub.asked == []
