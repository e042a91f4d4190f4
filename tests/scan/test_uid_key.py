import stat
import threading

import pytest

from vesalius.errors import InputError, OutputError
from vesalius.scan import uid_key as module
from vesalius.scan.uid_key import random_key, uid_key


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    key = uid_key(tmp_path / "cache")
    assert len(key) == 32
    assert uid_key(tmp_path / "cache") == key
    (file,) = (tmp_path / "cache").iterdir()
    assert file.name == "uid.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert uid_key(tmp_path / "other") != key


def test_the_default_folder_is_the_users_data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    key = uid_key()
    assert (tmp_path / "xdg" / "vesalius" / "uid.key").read_bytes() == key
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert uid_key() == (tmp_path / "home" / ".local" / "share" / "vesalius" / "uid.key").read_bytes()


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_damaged_key_is_not_replaced(tmp_path, content):
    (tmp_path / "uid.key").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        uid_key(tmp_path)
    assert (tmp_path / "uid.key").read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="--cache DIR"):
        uid_key(tmp_path / "file" / "cache")


def test_of_two_processes_the_first_counts(tmp_path, monkeypatch):
    """The other one made its key between the look and the link."""
    link = module.os.link

    def late(source, target):
        target.write_bytes(bytes(range(32)))
        link(source, target)

    monkeypatch.setattr(module.os, "link", late)
    assert uid_key(tmp_path) == bytes(range(32))
    assert [path.name for path in tmp_path.iterdir()] == ["uid.key"]


def test_many_at_once_agree(tmp_path):
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(uid_key(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["uid.key"]


def test_random_keys_differ():
    assert len(random_key()) == 32
    assert random_key() != random_key()
