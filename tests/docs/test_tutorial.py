"""The tutorials are true: their bash and python blocks run, in order, in one empty folder."""

import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

BLOCK = re.compile(r"^```(?P<language>bash|python)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    line: int
    language: str
    code: str


def _blocks(path):
    text = path.read_text(encoding="utf-8")
    return [Block(text[: m.start()].count("\n") + 1, m["language"], m["code"]) for m in BLOCK.finditer(text)]


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
@pytest.mark.parametrize("name", ["tutorial.md", "cohort-tutorial.md"])
def test_every_block_of_the_tutorial_runs(repository, tmp_path, environment, name):
    blocks = _blocks(repository / "docs" / name)
    assert {block.language for block in blocks} == {"bash", "python"}
    folder = tmp_path / "work"
    folder.mkdir()
    for block in blocks:
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
