"""The process that does the work of the page: it can be ended at any moment, and keeps loaded models meanwhile."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from vesalius.app.lines import line_of
from vesalius.memory import set_limit

PROGRESS, DONE, FAILED = "progress", "done", "failed"
"""First word of a message from the process."""
Report = Callable[[float, str], None]
"""Receives the share of the work that is done, 0 to 1, and what is being done."""


def work(connection: Connection, private: str, limit_bytes: int) -> None:
    """Run (function, arguments) after (function, arguments) until the other side closes the connection.

    Args:
        connection: to the page.
        private: path that no message names.
        limit_bytes: memory limit of the process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the page ends the process
    set_limit(limit_bytes)

    def report(share: float, text: str) -> None:
        connection.send((PROGRESS, (share, text)))

    while True:
        try:
            function, arguments = connection.recv()
        except (EOFError, OSError):
            return
        answer: tuple[str, Any]
        try:
            answer = (DONE, function(*arguments, report))
        except Exception as error:
            line, is_bug = line_of(error, private)
            if is_bug:
                traceback.print_exc(file=sys.stderr)
            answer = (FAILED, line)
        connection.send(answer)
