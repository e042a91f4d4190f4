"""The whole command line: help, exit codes, one line on stderr, one JSON object on stdout."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import typer

import vesalius as package
from vesalius.cli import inspect, main
from vesalius.errors import InputError

VERBS = [
    "demo",
    "inspect",
    "convert",
    "compress",
    "decompress",
    "verify",
    "evaluate",
    "evaluate codec",
    "report",
    "info",
]


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_every_verb_has_help(vesalius, verb):
    done = vesalius(*verb.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert f"Usage: vesalius {verb}".rstrip() in done.out
    assert vesalius(*verb.split(), "-h").out == done.out
    assert max(len(line) for line in done.out.splitlines()) <= 120


def test_the_help_names_every_verb(vesalius):
    shown = vesalius("--help").out
    assert all(verb.split()[0] in shown for verb in VERBS)
    assert "not a medical device" in shown


def test_every_verb_can_speak_json(vesalius):
    for verb in VERBS:
        assert verb == "evaluate" or "--json" in vesalius(*verb.split(), "--help").out


def test_the_version(vesalius):
    done = vesalius("--version")
    assert (done.code, done.out, done.err) == (0, f"vesalius {package.__version__}\n", "")


WRONG = {
    "no such verb": (["compres"], "No such command"),
    "no such option": (["info", "--fast"], "No such option: --fast"),
    "no path": (["compress", "-o", "x.vsl"], "Missing argument 'PATH...'"),
    "no output": (["compress", "x.nii"], "Missing option '-o'"),
    "no value": (["compress", "x.nii", "-o"], "requires an argument"),
    "no number": (["compress", "x.nii", "-o", "y.vsl", "--psnr", "high"], "'--psnr'"),
    "no thread": (["compress", "x.nii", "-o", "y.vsl", "--threads", "0"], "'--threads'"),
    "too many words": (["verify", "a", "b", "c"], "unexpected extra argument"),
    "an option of another verb": (["info", "--psnr", "4"], "No such option"),
    "an option that is a key": (["train", "simclr/cxr", "--epochs", "5"], "--epochs; write train.epochs=5; see"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_one_line_with_where_to_look(vesalius, name):
    words, expected = WRONG[name]
    error = vesalius(*words).error
    assert expected in error
    assert error.endswith(" --help")
    done = vesalius(*words, "--json") if name != "no value" else vesalius(*words[:-1], "--json", "-o")
    assert list(done.told) == ["error"]
    assert done.told["error"] == done.error


def test_a_command_without_words_is_its_help(vesalius):
    for words in ((), ("evaluate",), ("cohort",)):
        done = vesalius(*words)
        assert (done.code, done.err) == (0, "")
        assert done.out == vesalius(*words, "--help").out


def test_a_mistake_of_the_user_is_one_line(vesalius, tmp_path):
    error = vesalius("compress", tmp_path / "absent.nii", "-o", tmp_path / "x.vsl").error
    assert error.startswith(f"{tmp_path / 'absent.nii'}: no such file")
    done = vesalius("compress", tmp_path / "absent.nii", "-o", tmp_path / "x.vsl", "--json")
    assert done.told == {"error": done.error} == {"error": error}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("raised", "code", "expected"),
    [
        (InputError("is\nbroken", where="x", fix="mend it"), 2, "x: is broken; mend it"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.Abort(), 130, "interrupted"),
        (MemoryError(), 2, "not enough memory; use fewer --threads or a machine with more"),
    ],
)
def test_what_ends_a_command(vesalius, monkeypatch, raised, code, expected, as_json):
    def info():
        raise raised

    monkeypatch.setattr("vesalius.tasks.info.info", info)
    done = vesalius("info", *["--json"] * as_json)
    assert (done.code, done.err) == (code, f"error: {expected}\n")
    assert json.loads(done.out) == {"error": expected} if as_json else done.out == ""


def test_a_bug_is_a_traceback(monkeypatch):
    def info():
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("vesalius.tasks.info.info", info)
    with pytest.raises(ZeroDivisionError):
        main.run(["info"])


def test_a_closed_pipe_is_no_error():
    command = [sys.executable, "-m", "vesalius", "info", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ})
    process.stdout.close()
    with process:
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_usage_error_without_a_context():
    assert main._usage(Exception(), "  too\n bad. ", []) == "too bad; see vesalius --help"
    assert main._usage(Exception(), "", []) == "give a command; see vesalius --help"


def test_verbs_are_functions_of_this_package():
    assert inspect.info.__doc__.startswith("List devices")


def test_a_batch_system_that_ends_it_leaves_nothing_half_written(tmp_path):
    """SIGTERM while a phantom is being written."""
    words = [
        sys.executable,
        "-m",
        "vesalius",
        "phantom",
        "cine",
        "-o",
        str(tmp_path / "out"),
        "--patients",
        "500",
        "size=64",
    ]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".*part*/patient*")):
        time.sleep(0.05)
        assert process.poll() is None
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    *progress, error = told.splitlines()
    assert error == "error: ended from outside"
    assert all(line.endswith("of 500 patients written") for line in progress)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_names_that_the_output_cannot_encode_are_escaped(tmp_path, encoding):
    path = os.fsencode(tmp_path) + b"/scan-\xe4-\xff.npy"
    with open(path, "wb") as file:  # noqa: PTH123 - a Path takes no bytes
        np.save(file, np.zeros((3, 4, 5), np.uint8))
    command = [sys.executable, "-m", "vesalius", "inspect"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    for words in ([path], [path, "--json"], [path + b"x"]):
        done = subprocess.run([*command, *words], capture_output=True, env=environment, check=False)
        assert done.returncode == (0 if words[0] == path else 2), done.stderr
        seen = (done.stdout + done.stderr).decode(encoding)
        assert r"\udcff" in seen or "scan-?-?.npy" in seen
        assert "Traceback" not in seen


def test_a_name_that_cannot_be_written_is_a_line(tmp_path, vesalius, monkeypatch):
    def wrong(path, **options):
        raise UnicodeEncodeError("utf-8", f"{path}\udcff", 3, 4, "surrogates not allowed")

    monkeypatch.setattr("vesalius.tasks.inspect.inspect", wrong, raising=False)
    assert "a name is not UTF-8; rename the file or folder" in vesalius("inspect", tmp_path).error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("embedded null byte"), "a name holds a NUL character, which no file can have"),
        (PermissionError(13, "Permission denied", "/a/b"), "/a/b: permission denied"),
        (OSError(36, "File name too long", "x" * 900), "file name too long"),
    ],
)
def test_what_the_system_refuses_is_a_line(tmp_path, vesalius, monkeypatch, error, line):
    def refused(path, **options):
        raise error

    monkeypatch.setattr("vesalius.tasks.inspect.inspect", refused)
    said = vesalius("inspect", tmp_path).error
    assert line in said
    assert len(said) <= 500
