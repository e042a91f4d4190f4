import os
import socket
from pathlib import Path

import pytest

from vesalius.errors import InputError
from vesalius.files import odd_kind, regular, walk


@pytest.fixture
def odd(tmp_path):
    """Paths that lead to no file, and what they lead to."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    return [
        (tmp_path / "fifo", "a FIFO"),
        (tmp_path / "link", "a FIFO"),
        (tmp_path / "socket", "a socket"),
        (Path("/dev/zero"), "a device"),
    ]


def test_what_must_not_be_opened_is_refused(odd):
    for path, kind in odd:
        assert odd_kind(path) == kind
        with pytest.raises(InputError, match=f"{path}: is {kind}, not a file"):
            regular(path)


def test_files_folders_and_what_is_not_there_pass(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "absent", tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        assert regular(path) is path
    assert odd_kind(tmp_path / "nul\0") is None


def test_walking_is_sorted_and_names_closed_folders(tmp_path, monkeypatch):
    for name in ("b/2", "b/1", "a", "closed/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    files, closed = walk(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in files] == ["a", "b/1", "b/2"]
    assert [(path.name, error.strerror) for path, error in closed] == [("closed", "Permission denied")]
