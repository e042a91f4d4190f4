"""Commands that need no model never load torch; those that only talk load no imaging library either."""

import json
import subprocess
import sys

import pytest

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
