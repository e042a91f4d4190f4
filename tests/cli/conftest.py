"""Runs the command line inside the test: exit code, stdout and stderr of `vesalius ...`."""

import json
from dataclasses import dataclass

import pytest

from vesalius.cli.main import run


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict:
        """The one JSON object on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line on stderr of a command that failed; nothing else is there."""
        assert self.code == 2
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        return line.removeprefix("error: ")


@pytest.fixture
def unchecked(monkeypatch):
    """Names of files, models and configurations that do not exist are handed on, to a stand-in of the verb."""
    for name in ("there", "any_there", "model", "run", "settings", "free"):
        monkeypatch.setattr(f"vesalius.tasks.early.check_{name}", lambda *_, **__: None)


@pytest.fixture
def vesalius(capfd):
    """vesalius("compress", path, ...): runs the command and tells how it ended."""

    def command(*words) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            run([str(word) for word in words])
        seen = capfd.readouterr()
        return Done(ended.value.code, seen.out, seen.err)

    return command
