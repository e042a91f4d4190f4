import errno
import time
from dataclasses import replace

import huggingface_hub
import pytest

from vesalius.errors import InputError
from vesalius.weights.hub import HubFiles, ask_hub, fetch_files
from vesalius.weights.known import Known
from weights.hub_stub import COMMIT, StubHub, stubbed

MODEL = Known("a model", "x/y", ("config.json", "model.pth"), layout="dinov3", licence="none", numbers=700)
FILES = {"config.json": b"{}", "model.pth": b"weights" * 100, "other.bin": b"not needed"}


def test_the_hub_is_told_nothing_but_the_model_and_two_versions(tmp_path):
    with stubbed(StubHub(FILES)) as hub:
        fetch_files(MODEL, ask_hub(MODEL), tmp_path)
    assert all("/x/y" in path for _, path in hub.asked)
    for agent in hub.agents:
        assert {part.partition("/")[0].strip() for part in agent.split(";")} <= {"unknown", "hf_hub", "python"}


def test_sizes_are_asked_without_fetching():
    with stubbed(StubHub(FILES)) as hub:
        listing = ask_hub(MODEL)
    assert listing.commit == COMMIT
    assert listing.sizes == {"config.json": 2, "model.pth": 700}
    assert hub.asked == [("GET", "/api/models/x/y")]


@pytest.mark.parametrize(("pinned", "asked"), [("abc", None), ("abc", "def")])
def test_the_pinned_revision_is_asked_for_unless_another_is_named(pinned, asked):
    with stubbed(StubHub(FILES)) as hub:
        ask_hub(replace(MODEL, revision=pinned), asked)
    assert hub.asked == [("GET", f"/api/models/x/y/revision/{asked or pinned}")]


def test_only_what_is_needed_is_fetched(tmp_path):
    with stubbed(StubHub(FILES)) as hub:
        fetch_files(MODEL, ask_hub(MODEL), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        name: FILES[name] for name in ("config.json", "model.pth")
    }
    assert all("other.bin" not in path for _, path in hub.asked)


def test_a_file_of_another_size_is_refused(tmp_path):
    with stubbed(StubHub(FILES)) as hub:
        listing = ask_hub(MODEL)
        hub.files = FILES | {"config.json": b"{} "}
        with pytest.raises(InputError, match="came with 3 bytes instead of 2"):
            fetch_files(MODEL, listing, tmp_path)


def test_a_repository_without_a_file_that_is_needed():
    with stubbed(StubHub({"config.json": b"{}"})), pytest.raises(InputError, match=r"x/y: lacks model.pth"):
        ask_hub(MODEL)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (403, "GatedRepo", "on request only"),
        (404, "RepoNotFound", "not on the hub"),
        (404, "RevisionNotFound", "no such revision"),
        (500, None, "cannot be reached"),
    ],
)
def test_refusals_are_one_line(status, code, told):
    hub = StubHub({}, status, {} if code is None else {"X-Error-Code": code})
    with stubbed(hub), pytest.raises(InputError, match=f"x/y: .*{told}") as caught:
        ask_hub(MODEL)
    assert "\n" not in str(caught.value)


def test_a_file_that_went_away(tmp_path):
    with stubbed(StubHub(FILES)) as hub:
        listing = ask_hub(MODEL)
        del hub.files
        hub.files = {}
        with pytest.raises(InputError, match="lacks a file"):
            fetch_files(MODEL, listing, tmp_path)


def test_a_full_disk_is_not_the_fault_of_the_hub(tmp_path, monkeypatch):
    def full(*words, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", full)
    with pytest.raises(OSError, match="No space left"):
        fetch_files(MODEL, HubFiles(COMMIT, {"model.pth": 3}), tmp_path)


def test_without_a_network_it_is_one_line(tmp_path, monkeypatch):
    """Sockets are blocked in all tests."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the hub's library tries five times
    with pytest.raises(InputError, match="cannot be reached"):
        fetch_files(MODEL, HubFiles(COMMIT, {"model.pth": 3}), tmp_path)
    with pytest.raises(InputError, match=r"x/y: the hub cannot be reached \(\w+\); try again, or fetch on a machine"):
        ask_hub(MODEL)
