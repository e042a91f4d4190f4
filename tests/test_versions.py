import sys
from pathlib import Path

import numpy as np
import pytest

from vesalius import versions
from vesalius.versions import install_command, installed


def test_versions_of_packages():
    assert installed("numpy") == np.__version__
    assert installed("no-such-package") is None


@pytest.mark.parametrize(
    ("prefix", "has_pip", "is_installed", "command"),
    [
        ("{checkout}/.venv", True, True, "make nets, or .venv/bin/python -m pip install 'vesalius[nets]'"),
        ("{checkout}/.venv", False, True, "make nets, or uv pip install --python .venv/bin/python 'vesalius[nets]'"),
        ("/usr", True, True, "/usr/bin/python -m pip install 'vesalius[nets]'"),
        ("/usr", True, False, "/usr/bin/python -m pip install '{checkout}[nets]'"),
    ],
)
def test_the_command_that_installs_more(tmp_path, monkeypatch, prefix, has_pip, is_installed, command):
    prefix = prefix.format(checkout=tmp_path)
    (tmp_path / "Makefile").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "src" / "vesalius" / "versions.py"))
    monkeypatch.setattr(versions, "find_spec", lambda name: object() if has_pip else None)
    monkeypatch.setattr(versions, "installed", lambda package: "1" if is_installed else None)
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "executable", str(Path(prefix) / "bin" / "python"))
    monkeypatch.setenv("PATH", "")
    assert install_command("nets") == command.format(checkout=tmp_path)
    assert install_command("scale").startswith(command.format(checkout=tmp_path).split(", or ")[-1].split(" ")[0])
