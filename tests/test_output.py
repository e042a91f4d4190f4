import os
import subprocess
import sys
from pathlib import Path

import pytest

from vesalius.errors import OutputError
from vesalius.output import new_file, new_folder, refuse_existing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "x.nii.gz"
    with new_file(target) as part:
        part.write_bytes(b"whole")
        assert not target.exists()
        assert part.parent == target.parent
        assert part.name.startswith(".")
        assert part.name.endswith("x.nii.gz")
    assert target.read_bytes() == b"whole"
    assert names(target.parent) == ["x.nii.gz"]


@pytest.mark.parametrize("opened", [new_file, new_folder])
def test_an_exception_leaves_nothing_and_goes_on(opened, tmp_path):
    def fail():
        with opened(tmp_path / "x") as part:
            (part / "y" if opened is new_folder else part).write_bytes(b"half")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert names(tmp_path) == []


@pytest.mark.parametrize("opened", [new_file, new_folder])
def test_an_exception_keeps_what_was_to_be_replaced(opened, tmp_path):
    target = tmp_path / "x"
    if opened is new_folder:
        target.mkdir()
        (target / "old").write_bytes(b"old")
    else:
        target.write_bytes(b"old")

    def fail():
        with opened(target, force=True):
            raise KeyError("mine")

    with pytest.raises(KeyError):
        fail()
    assert ((target / "old") if opened is new_folder else target).read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("opened", [new_file, new_folder])
@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
def test_existing_outputs_are_refused(opened, kind, tmp_path):
    target, other = tmp_path / "x", tmp_path / "other"
    other.write_bytes(b"old")
    if kind == "file":
        target.write_bytes(b"old")
    elif kind == "folder":
        target.mkdir()
        (target / "old").touch()
    else:
        target.symlink_to(other if kind == "link" else tmp_path / "nowhere")

    def use():
        with opened(target):
            raise AssertionError("opened")

    with pytest.raises(OutputError, match=r"exists already; choose another name or pass --force"):
        use()
    assert other.read_bytes() == b"old"


def test_force_replaces(tmp_path):
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with new_file(target, force=True) as part:
        part.write_bytes(b"new")
    assert target.read_bytes() == b"new"
    with new_folder(target, force=True) as part:
        (part / "a").touch()
    assert names(target) == ["a"]
    with new_folder(target, force=True) as part:
        (part / "a").write_bytes(b"newer")
        (part / "b").touch()
    assert names(target) == ["a", "b"]
    assert names(tmp_path) == ["x"]


def test_force_does_not_remove_what_others_put_there(tmp_path):
    (tmp_path / "x" / "f").mkdir(parents=True)
    (tmp_path / "x" / "f" / "thesis.txt").write_text("mine")

    def use():
        with new_folder(tmp_path / "x", force=True) as part:
            (part / "a").touch()

    with pytest.raises(OutputError, match="holds f, which is not written now; remove it yourself"):
        use()
    assert (tmp_path / "x" / "f" / "thesis.txt").read_text() == "mine"
    assert names(tmp_path) == ["x"]


def test_the_folder_one_is_in_cannot_be_the_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def use():
        with new_folder(Path(), force=True):
            raise AssertionError("opened")

    with pytest.raises(OutputError, match="is the folder you are in"):
        use()


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kept").touch()
    (tmp_path / "x").symlink_to(tmp_path / "other")
    with new_folder(tmp_path / "x", force=True) as part:
        (part / "new").touch()
    assert names(tmp_path / "other") == ["kept"]
    assert not (tmp_path / "x").is_symlink()


def test_an_empty_folder_counts_as_absent(tmp_path):
    target = tmp_path / "x"
    target.mkdir()
    refuse_existing(target)
    with new_folder(target) as part:
        (part / "a").touch()
    assert names(target) == ["a"]


def test_a_folder_where_a_file_is_to_be(tmp_path):
    target = tmp_path / "x"
    target.mkdir()

    def use():
        with new_file(target):
            raise AssertionError("opened")

    with pytest.raises(OutputError, match="is a folder"):
        use()


@pytest.mark.parametrize("opened", [new_file, new_folder])
@pytest.mark.parametrize("name", ["file/x", "n" * 300])
def test_the_operating_system_refuses(name, opened, tmp_path):
    (tmp_path / "file").touch()

    def use():
        with opened(tmp_path / name):
            raise AssertionError("opened")

    with pytest.raises(OutputError, match=r"cannot be written \(.*\); check") as caught:
        use()
    assert len(str(caught.value).splitlines()) == 1


def test_a_full_disk_is_an_output_error(tmp_path):
    def use():
        with new_file(tmp_path / "x"):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        use()
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_a_killed_process_leaves_nothing_under_the_target_name(tmp_path):
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom vesalius.output import new_file\n"
        f"with new_file(Path({str(tmp_path / 'x.vsl')!r})) as part:\n"
        "    part.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode != 0
    assert not (tmp_path / "x.vsl").exists()
    assert all(name.startswith(".") for name in names(tmp_path))
    with new_file(tmp_path / "x.vsl") as part:
        part.write_bytes(b"whole")
    assert (tmp_path / "x.vsl").read_bytes() == b"whole"
