"""The tutorials are true: their bash and python blocks run, in order, in one empty folder.

A block with a title is not run but written to the file of that name.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import NamedTuple

import pytest

BLOCK = re.compile(
    r'^```(?P<language>bash|python|yaml)(?: title="(?P<file>[^"]+)")?\n(?P<code>.*?)^```$', re.MULTILINE | re.DOTALL
)
NEED_TORCH = {"own-task.md", "segmentation.md", "detection.md", "features.md"}
NEED_LANCEDB = {"features.md"}


class Block(NamedTuple):
    line: int
    language: str
    file: str | None
    code: str


def _blocks(path):
    text = path.read_text(encoding="utf-8")
    return [Block(text[: m.start()].count("\n") + 1, m["language"], m["file"], m["code"]) for m in BLOCK.finditer(text)]


def test_every_titled_python_block_is_python(repository):
    titled = [
        block for block in _blocks(repository / "docs" / "own-task.md") if block.file and block.language == "python"
    ]
    assert titled
    for block in titled:
        compile(block.code, block.file, "exec")


@pytest.mark.parametrize("name", ["segmentation.md"])
def test_every_shown_configuration_is_valid(repository, tmp_path, name):
    pytest.importorskip("torch")
    from vesalius.config import load_config, read_table
    from vesalius.tasks.train.jobs import job_class

    shown = [block for block in _blocks(repository / "docs" / name) if block.language == "yaml"]
    assert shown
    for block in shown:
        path = tmp_path / block.file
        path.write_text(block.code, encoding="utf-8")
        load_config(job_class(read_table(path)["task"]).Config, path)


@pytest.fixture
def environment(tmp_path):
    """This Python's `python` and `vesalius` come first on PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, words in {"python": "", "vesalius": " -m vesalius"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n')
        (programs / name).chmod(0o755)
    return os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120", "NO_COLOR": "1"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="the tutorials need bash")
@pytest.mark.parametrize(
    "name",
    [
        "tutorial.md",
        "cohort-tutorial.md",
        "own-task.md",
        "detection.md",
        "features.md",
        pytest.param("segmentation.md", marks=pytest.mark.slow),
    ],
)
def test_every_block_of_the_tutorial_runs(repository, tmp_path, environment, name):
    if name in NEED_TORCH and find_spec("torch") is None:
        pytest.skip("this one trains or embeds")
    if name in NEED_LANCEDB and find_spec("lancedb") is None:
        pytest.skip("needs vesalius[search]")
    blocks = _blocks(repository / "docs" / name)
    assert {block.language for block in blocks} >= {"bash", "python"}
    assert all(block.file for block in blocks if block.language == "yaml")
    folder = tmp_path / "work"
    folder.mkdir()
    for block in blocks:
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.code, encoding="utf-8")
            continue
        command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, block.code],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, (
            f"docs/{name}, {block.language} block at line {block.line}:\n{block.code}\n{done.stdout}{done.stderr}"
        )
        assert "Traceback" not in done.stderr
