import hashlib
import json

import pytest

from tasks.weights.models import meddinov3_at
from vesalius.errors import ConfigError, InputError, OutputError, UsageError
from vesalius.tasks.weights.fetch import fetch_weights, lines
from vesalius.tasks.weights.importing import import_weights
from weights.hub_stub import COMMIT, StubHub, stubbed


def test_fetched_then_imported_with_its_licence(tmp_path):
    data = meddinov3_at(tmp_path / "model.pth").read_bytes()
    told = []
    with stubbed(StubHub({"model.pth": data})) as hub:
        result = fetch_weights("meddinov3", tmp_path / "there", progress=told.append)
    assert any("DINOv3 License" in line for line in told)
    assert "not pinned" in told[-1]
    assert any(method == "GET" and "model.pth" in path for method, path in hub.asked)
    assert (tmp_path / "there" / "model.pth").read_bytes() == data
    source = json.loads((tmp_path / "there" / "source.json").read_text())
    assert source["revision"] == COMMIT == result.revision
    assert source["sha256"] == {"model.pth": hashlib.sha256(data).hexdigest()}
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["model.pth", "source.json"]
    assert list(lines(result))[-1].endswith(f"{tmp_path / 'there' / 'model.pth'} --layout meddinov3 -o meddinov3")
    done = import_weights(tmp_path / "there", "meddinov3", tmp_path / "model", ["size=tiny", "depth=2"])
    assert done.licence == source["licence"]
    assert COMMIT in (tmp_path / "model" / "README.md").read_text()


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


def test_an_existing_folder_is_refused_before_anything_is_asked(tmp_path):
    (tmp_path / "mine").write_text("x")
    with stubbed(StubHub({})) as hub, pytest.raises(OutputError, match="exists already"):
        fetch_weights("meddinov3", tmp_path)
    assert hub.asked == []
