"""Commands that need no model never load torch; those that only talk load no imaging library either."""

import json
import runpy
import subprocess
import sys

import pytest

from house.files import ROOT
from vesalius.cli.main import app

NEVER = {"torch", "torchvision", "monai", "timm", "transformers", "diffusers", "accelerate"}
"""Loaded by no command of this file."""
HEAVY = {"pydicom", "av", "imagecodecs", "matplotlib", "skimage", "scipy", "sklearn"}
"""Not loaded by what reads no scan."""

RUNNER = """
import json, runpy, sys
names = sys.argv[1]
sys.argv = ["vesalius", *sys.argv[2:]]
try:
    runpy.run_module("vesalius", run_name="__main__")
    code = 0
except SystemExit as end:
    code = end.code or 0
with open(names, "w") as file:
    json.dump({"code": code, "modules": sorted({name.partition(".")[0] for name in sys.modules})}, file)
"""


@pytest.fixture
def loaded(tmp_path):
    """loaded(*words): runs `vesalius words` in a Python of its own and gives the top-level modules it had loaded."""

    def run(*words):
        names = tmp_path / "modules.json"
        command = [sys.executable, "-c", RUNNER, str(names), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
        assert names.exists(), done.stderr
        told = json.loads(names.read_text())
        assert told["code"] == 0, done.stderr
        return set(told["modules"])

    return run


@pytest.mark.parametrize(
    "words",
    [["--help"], ["info"], ["compress", "--help"], ["evaluate", "--help"], ["search", "--help"], ["weights", "list"]],
)
def test_talking_loads_no_imaging_library(loaded, words):
    modules = loaded(*words)
    assert "vesalius" in modules
    assert modules & (NEVER | HEAVY) == set()


def test_inspect_loads_no_torch(loaded, make_nifti):
    modules = loaded("inspect", make_nifti())
    assert modules & NEVER == set()


def test_compress_verify_and_decompress_load_no_torch(loaded, make_nifti, tmp_path):
    source = make_nifti()
    assert loaded("compress", source, "-o", tmp_path / "tiny.vsl") & NEVER == set()
    assert (tmp_path / "tiny.vsl").stat().st_size > 0
    assert loaded("verify", tmp_path / "tiny.vsl") & NEVER == set()
    assert loaded("decompress", tmp_path / "tiny.vsl", "-o", tmp_path / "back.nii") & NEVER == set()
    assert (tmp_path / "back.nii").stat().st_size > 0


def test_evaluate_codec_without_a_judge_loads_no_torch(loaded, make_nifti, tmp_path):
    words = ["--coders", "jpeg2000", "--points", "2", "--threads", "1", "-q"]
    assert loaded("evaluate", "codec", make_nifti((16, 16, 2, 3)), "-o", tmp_path / "run", *words) & NEVER == set()
    assert (tmp_path / "run" / "table.csv").stat().st_size > 0


def test_convert_loads_no_torch(loaded, make_nifti, tmp_path):
    assert loaded("convert", make_nifti(), "-o", tmp_path / "out.nii.gz", "--orient", "LPS") & NEVER == set()


FIRST_USE = runpy.run_path(str(ROOT / "bench" / "first_use.py"))
"""Commands with a wrong path or key, which the benchmark times."""
MISTAKES = """
import contextlib, io, json, os, sys
from vesalius.cli.main import run
os.makedirs("there"), open("there/file.txt", "w").close()
ended = {}
for command in json.load(sys.stdin):
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        run(command.split())
    except SystemExit as end:
        ended[command] = end.code, sorted({"torch", "monai"} & set(sys.modules)), sys.stderr.getvalue()
    except BaseException as error:
        ended[command] = repr(error), [], ""
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
print(json.dumps(ended))
"""


def test_a_wrong_path_or_key_never_loads_torch_in_any_verb(tmp_path):
    """One Python runs them all, so that the first command that loads torch is the first to fail."""
    commands = [*FIRST_USE["WRONG_PATHS"], *FIRST_USE["WRONG_KEYS"]]
    done = subprocess.run(
        [sys.executable, "-c", MISTAKES], input=json.dumps(commands), capture_output=True, text=True, cwd=tmp_path
    )
    ended = json.loads(done.stdout)
    assert list(ended) == commands
    for command, (code, heavy, error) in ended.items():
        assert (code, heavy) == (2, []), (command, error)
        assert len(error.splitlines()) <= 2, (command, error)  # weights list names the failure in a line of its own
    assert all("no such key; did you mean" in ended[command][2] for command in FIRST_USE["WRONG_KEYS"])


def test_the_benchmark_of_the_first_use_knows_every_verb():
    alone = {verb.name or verb.callback.__name__ for verb in app.registered_commands}
    grouped = {
        f"{group.name} {verb.name or verb.callback.__name__}"
        for group in app.registered_groups
        for verb in group.typer_instance.registered_commands
    }
    assert set(FIRST_USE["verbs"]()) == alone | grouped
