"""Progress: a bar on a terminal, few lines in a log, nothing under -q."""

import os
import pty
import re
import subprocess
import sys

import pytest

from vesalius.cli import display as module
from vesalius.cli.display import close_display, display
from vesalius.progress import count


@pytest.fixture(autouse=True)
def _closed():
    yield
    close_display()


def test_a_log_counts_twice_a_minute_and_keeps_other_lines(capsys, monkeypatch):
    seconds = iter((0.0, 1.0, 29.0, 31.0, 32.0, 60.0, 62.0))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(seconds))
    shown = display(quiet=False)
    for number in range(1, 7):
        shown.say(f"{number} of 6: scan")
    shown.say("testing the model")
    count(1, 2, "windows")
    assert capsys.readouterr().err.splitlines() == ["3 of 6: scan", "6 of 6: scan", "testing the model"]


def test_a_log_has_each_validation(capsys):
    shown = display(quiet=False)
    shown.watch({"step": 1, "kind": "training", "loss": 0.5}, 4)
    shown.watch({"step": 2, "kind": "validation", "dice": 0.25, "epoch": 1}, 4)
    assert capsys.readouterr().err == "step 2 of 4: dice 0.25\n"


def test_quiet_is_quiet(capsys):
    shown = display(quiet=True)
    shown.say("a line")
    shown.watch({"step": 2, "kind": "validation", "dice": 0.25}, 4)
    assert capsys.readouterr() == ("", "")


TERMINAL = """
import time
from vesalius.cli import display as module
from vesalius.cli.display import display
from vesalius.cli.show import emit
from vesalius.progress import count
module.DELAY_S = 0.0
shown = display(False)
time.sleep(1)
shown.say("reading [bold]every[/bold] case\x1b[2J")
shown.say("3 of 8: scan-three.nii")
for part in range(4):
    count(5.0 * part, 20.0, "MB")
    time.sleep(0.25)
shown.say("8 of 8 cases read")
shown.watch({"step": 6, "kind": "validation", "dice": 0.25}, 9)
time.sleep(0.25)
emit({}, False, lambda _: ["note: done"])
"""


def test_a_terminal_gets_bars_and_colours():
    seen = _on_a_terminal(sys.executable, "-c", TERMINAL)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    assert "reading [bold]every[/bold] case\\x1b[2J" in plain
    assert re.search(r"scan-three.nii .* 2/8 ", plain)
    assert re.search(r"MB .* (5|10|15)/20 .* left .* MB/s", plain)
    assert re.search(r"training .* 6/9 .*dice 0.25", plain)
    assert "\x1b[33mnote:\x1b[0m done" in seen
    assert plain.rstrip().endswith("note: done")


def _on_a_terminal(*words):
    """What a command writes where stdout and stderr are one terminal of 120 columns."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(words, stdout=terminal, stderr=terminal, stdin=terminal, env=environment) as process:
        os.close(terminal)
        pieces = []
        while True:
            try:
                piece = os.read(controller, 65536)
            except OSError:  # the terminal was closed
                break
            if not piece:
                break
            pieces.append(piece)
        process.wait()
    os.close(controller)
    assert process.returncode == 0
    return b"".join(pieces).decode()
