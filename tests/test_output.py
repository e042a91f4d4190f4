import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vesalius.errors import OutputError, UsageError
from vesalius.output import OvertakenError, claim, new_file, new_folder, refuse_existing, sole_writer


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

    with pytest.raises(OutputError, match="holds f, which this command does not write; remove it yourself"):
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


WRITER = """
import sys
from pathlib import Path
from vesalius.errors import OutputError
from vesalius.output import new_file, new_folder
target, kind, force, word = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "force", sys.argv[4]
try:
    with (new_file if kind == "file" else new_folder)(target, force=force) as part:
        (part if kind == "file" else part / "a").write_text(word)
        print("writing", flush=True)
        sys.stdin.readline()  # both write at a time
except OutputError as error:
    print(error)
else:
    print("done")
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("force", ["force", "no"])
def test_of_two_runs_on_one_target_the_second_ends_with_a_line(tmp_path, kind, force):
    target = tmp_path / "deep" / "x"
    if force == "force":
        target.parent.mkdir()
        target.mkdir() if kind == "folder" else target.write_text("old")
    command = [sys.executable, "-c", WRITER, target, kind, force]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen([*command, word], **pipes) for word in ("first", "second")]
    assert [run.stdout.readline() for run in runs] == ["writing\n", "writing\n"]
    ends = [run.communicate("\n")[0] for run in runs]
    assert ends == ["done\n", f"{target}: was written by another run in the meantime and is kept; {AGAIN}\n"]
    assert (target if kind == "file" else target / "a").read_text() == "first"
    assert names(target.parent) == ["x"]


AGAIN = "choose another name, or wait until other runs end"


def test_twenty_runs_at_once_leave_one_whole_result(tmp_path):
    def write(number):
        with new_folder(tmp_path / "x") as part:
            (part / "a").write_text(str(number))
            (part / "b").write_text(str(number))
            start.wait()
        return number

    start = threading.Barrier(20)
    with ThreadPoolExecutor(20) as pool:
        runs = [pool.submit(write, number) for number in range(20)]
    done = [run.result() for run in runs if run.exception() is None]
    assert len(done) == 1
    assert all(isinstance(run.exception(), OvertakenError) for run in runs if run.exception() is not None)
    assert (tmp_path / "x" / "a").read_text() == (tmp_path / "x" / "b").read_text() == str(done[0])


HOLDER = """
import sys
from pathlib import Path
from vesalius.output import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("holding", flush=True)
    sys.stdin.readline()
"""


def test_a_folder_is_held_by_one_process_until_it_ends(tmp_path):
    run = tmp_path / "runs" / "run"
    command = [sys.executable, "-c", HOLDER, run]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "holding\n"
    with pytest.raises(OutputError, match="another run is writing there; wait until it ends"):  # noqa: SIM117
        with sole_writer(run):
            raise AssertionError("held twice")
    other.kill()
    other.communicate()
    with sole_writer(run), sole_writer(run), new_file(run / "a") as part:  # also from within
        part.write_text("mine")
    assert names(run) == ["a"]


def test_a_held_folder_that_stays_empty_is_not_left(tmp_path):
    with sole_writer(tmp_path / "a" / "b"):
        assert names(tmp_path / "a") == ["b"]
    assert names(tmp_path) == []
    with sole_writer(tmp_path):  # one that was there stays
        pass
    assert tmp_path.exists()


@pytest.mark.parametrize("opened", [new_file, new_folder])
def test_an_error_names_the_target_not_the_temporary_file(tmp_path, opened):
    with pytest.raises(UsageError) as caught:  # noqa: SIM117
        with opened(tmp_path / "x.png") as part:
            raise UsageError(f"{part} holds 16 bits", where=part, fix=f"look at {part.name}")
    assert str(caught.value) == f"{tmp_path}/x.png: {tmp_path}/x.png holds 16 bits; look at x.png"
    assert (caught.value.where, caught.value.args) == (str(tmp_path / "x.png"), (str(caught.value),))


def test_a_folder_is_claimed(tmp_path):
    folder = tmp_path / "deep" / "run"
    for _ in range(2):  # absent, then empty
        claim(folder)
        assert folder.is_dir()
    (folder / "x").touch()
    with pytest.raises(OutputError, match="exists already"):
        claim(folder)
    claim(folder, belongs=True)
    claim(folder, force=True)
    assert names(folder) == ["x"]
    for force in (True, False):
        with pytest.raises(OutputError, match="is a file" if force else "exists already"):
            claim(folder / "x", force=force)
