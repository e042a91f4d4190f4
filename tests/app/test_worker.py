import multiprocessing
import signal
import threading

import pytest

from vesalius import memory
from vesalius.app.worker import DONE, FAILED, PROGRESS, work
from vesalius.errors import UsageError


@pytest.fixture
def worker(memory_limit, monkeypatch):
    """A connection to `work` in a thread of this process."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    mine, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=work, args=(theirs, "/private", 1 << 30))
    thread.start()
    yield mine
    mine.close()
    thread.join(10)
    assert not thread.is_alive()


def counted(words, report):
    report(0.5, "counting")
    return len(words), memory.limit_bytes()


def refused(report):
    raise UsageError("no scan in /private/x/y.nii")


def test_it_answers_call_after_call(worker):
    for words in ("abc", "ab"):
        worker.send((counted, (words,)))
        assert worker.recv() == (PROGRESS, (0.5, "counting"))
        assert worker.recv() == (DONE, (len(words), 1 << 30))


def test_an_error_is_a_line_without_the_private_folder(worker):
    worker.send((refused, ()))
    kind, line = worker.recv()
    assert kind == FAILED
    assert "private" not in line
    assert line.startswith("no scan in ")
