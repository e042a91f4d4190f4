"""The jobs of all who use the page: one runs at a time, the others wait their turn; any can be cancelled.

A job belongs to a session, a browser tab. Functions run in a process of their own (`worker`), which is ended to cancel
a job and started again for the next.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vesalius.app.worker import DONE, PROGRESS, work
from vesalius.errors import UsageError, VesaliusError
from vesalius.memory import limit_bytes

MOST_WAITING = 20
_POLL_S = 0.05
CANCELLED = "Cancelled"


class JobError(VesaliusError):
    """A job failed; its line stands in `what`."""


class CancelledError(VesaliusError):
    """The user cancelled a job."""


class PageJob:
    """A call that waits, runs or has ended.

    Args:
        session: to whom it belongs.
        function: of a module, called with `arguments` and a `Report`; all of them and the result can be pickled.
        arguments: of the function.
    """

    def __init__(self, session: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.session, self.function, self.arguments = session, function, arguments
        self.share, self.text = 0.0, "Waiting for other jobs"
        self.is_cancelled = False
        self._ended = threading.Event()
        self._result: Any = None
        self._line: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the result is there, or the reason why there is none."""
        return self._ended.is_set()

    def result(self) -> Any:
        """Wait for the result.

        Raises:
            CancelledError: the job was cancelled.
            JobError: it failed.
        """
        self._ended.wait()
        if self.is_cancelled:
            raise CancelledError(CANCELLED)
        if self._line is not None:
            raise JobError(self._line)
        return self._result

    def watched(self, every_s: float = 1.0) -> Iterator[tuple[float, str]]:
        """Yield the share that is done and what is being done, where it changed, until the job ends.

        Once a second: each change redraws the page, which takes a browser without a GPU half a second.
        """
        last: tuple[float, str] | None = None
        while not self.has_ended:
            now = (self.share, self.text)
            if now != last:
                yield now
                last = now
            self._ended.wait(every_s)

    def end(self, result: Any = None, line: str | None = None) -> None:
        """Set the result, or the line that says why there is none."""
        self._result, self._line = result, line
        self._ended.set()


class Jobs:
    """Runs jobs in turn.

    Args:
        private: folder whose path no message shows.
    """

    def __init__(self, private: Path) -> None:
        self._private = str(private)
        self._waiting: queue.Queue[PageJob | None] = queue.Queue()
        self._open: list[PageJob] = []
        self._lock = threading.Lock()
        self._process: Any = None
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run_all, name="jobs", daemon=True)
        self._thread.start()

    def submit(self, session: str, function: Callable[..., Any], *arguments: Any) -> PageJob:
        """Queue a call.

        Raises:
            UsageError: the session has a job that has not ended, or too many jobs wait.
        """
        with self._lock:
            self._open = [job for job in self._open if not job.has_ended]
            if any(job.session == session for job in self._open):
                raise UsageError("your last job has not ended", fix="wait for it, or cancel it")
            if len(self._open) > MOST_WAITING:
                raise UsageError(f"{MOST_WAITING} jobs are waiting", fix="try again later")
            job = PageJob(session, function, arguments)
            self._open.append(job)
        self._waiting.put(job)
        return job

    def cancel(self, session: str) -> bool:
        """End the job of a session, waiting or running; return whether there was one."""
        with self._lock:
            jobs = [job for job in self._open if job.session == session and not job.has_ended]
        for job in jobs:
            job.is_cancelled = True
        return bool(jobs)

    def close(self) -> None:
        """Cancel all jobs and end the process."""
        with self._lock:
            for job in self._open:
                job.is_cancelled = True
        self._waiting.put(None)
        self._thread.join(10)
        self._stop()

    def _run_all(self) -> None:
        while (job := self._waiting.get()) is not None:
            if not job.is_cancelled:
                self._run(job)
            if not job.has_ended:
                job.end()

    def _run(self, job: PageJob) -> None:
        job.text = "Starting"
        try:
            connection = self._started()
            connection.send((job.function, job.arguments))
            while not job.is_cancelled:
                if not connection.poll(_POLL_S):
                    continue
                kind, content = connection.recv()
                if kind == PROGRESS:
                    job.share, job.text = content
                else:
                    job.end(content) if kind == DONE else job.end(line=content)
                    return
            self._stop()
        except (EOFError, OSError):  # the process ended: out of memory, or a decoder crashed
            self._stop()
            job.end(line="The job ended early: not enough memory for it, or a damaged file")

    def _started(self) -> Connection:
        if self._process is None or not self._process.is_alive() or self._connection is None:
            self._stop()
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=work, args=(theirs, self._private, limit_bytes()), daemon=True)
            self._process.start()
            theirs.close()
        return self._connection

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.terminate()
            self._process.join(2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(2)
            with suppress(ValueError):
                self._process.close()
        self._process = self._connection = None
