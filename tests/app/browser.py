"""A served page in headless Chromium, for tests."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import pytest

WAIT_MS = 240_000
"""A slow machine compiles and trains beside the browser."""

_DRAWN_MS = 700
"""Until the canvas of the mask has taken what the mouse did."""


def chromium() -> str:
    """Path of the browser; skips the test where there is none."""
    pytest.importorskip("gradio")
    pytest.importorskip("playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium here: make tools")
    return found


@contextmanager
def page_server(folder: Path, *words: str, models: Path) -> Iterator[str]:
    """Run `vesalius app` with `folder` for temporary files; yield its address. Nothing is left there afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vesalius", "app", *words, "--port", str(port)]
    environment = os.environ | {"TMPDIR": str(folder), "VESALIUS_MODELS": str(models)}
    log = folder.parent / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + WAIT_MS / 1000
        while (found := re.search(r"http://[\d.:]+/", log.read_text())) is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        (private,) = (path for path in folder.iterdir() if path.name.startswith("vesalius-app-"))
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        yield found[0]
    finally:
        process.terminate()  # not SIGINT: the shell starts what runs in the background deaf to it, tests included
        assert process.wait(60) == 143
    assert not private.exists()
    assert "Traceback" not in log.read_text(), log.read_text()


class Visitor:
    """A user with a browser window of their own; notes what the page asks other hosts for."""

    def __init__(self, browser, address: str, tab: str, width: int = 1280, scheme: str = "light") -> None:
        # without a GPU, half as many pixels to a side are drawn more than twice as fast
        context = browser.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, device_scale_factor=0.5
        )
        self.page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.hosts: set[str] = set()
        self.page.on("request", lambda request: self.hosts.add(urlparse(request.url).hostname or ""))
        self.page.goto(address)
        self.open(tab)

    def open(self, tab: str) -> None:
        """Go to a tab."""
        self.tab = tab
        self.page.locator(f"#tab-{tab}-button").click(force=True)
        self.page.locator(f"#{tab}-start").wait_for()

    def start(self) -> None:
        self.page.locator(f"#{self.tab}-start").click(force=True)

    def says(self, words: str) -> str:
        """Wait until the status holds some words; return all of it."""
        status = self.page.locator(f"#{self.tab}-status").filter(has_text=words)
        status.wait_for()
        return status.inner_text()

    def choose(self, name: str, model: str) -> None:
        """Choose a model in a list of the tab."""
        self.page.locator(f"#{self.tab}-{name} input").click(force=True)
        self.page.get_by_role("option", name=model).click(force=True)

    def paint(self) -> None:
        """Fill an area in the middle of the mask with the mouse."""
        page, canvas = self.page, self.page.locator("#generate-mask canvas").first
        canvas.wait_for()
        page.locator("#generate-mask button[aria-label=Brush]").click(force=True)
        page.wait_for_timeout(_DRAWN_MS)
        box = canvas.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        half = min(box["width"], box["height"]) / 5
        page.mouse.move(middle[0] - half, middle[1] - half)
        page.mouse.down()
        for turn in range(8):  # a line each; the canvas draws for a fifth of a second
            across = half if turn % 2 else -half
            page.mouse.move(middle[0] + across, middle[1] + (turn - 3.5) * half / 4)
        page.mouse.up()
        page.wait_for_timeout(_DRAWN_MS)

    def drop(self, *files: Path) -> None:
        """Drop files, and wait until they are there."""
        self.page.locator(f"#{self.tab}-files input[type=file]").set_input_files([str(file) for file in files])
        self.page.locator(f"#{self.tab}-files .file-preview").wait_for()

    def close(self) -> None:
        self.page.context.close()
