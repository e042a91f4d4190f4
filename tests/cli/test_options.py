import os

from vesalius.cli import options
from vesalius.cli.options import cores


def test_cores_are_those_this_process_may_use(monkeypatch):
    assert cores() >= 1
    if hasattr(os, "sched_getaffinity"):
        assert cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(options.os, "sched_getaffinity", raising=False)
    assert cores() == os.cpu_count()
    monkeypatch.setattr(options.os, "cpu_count", lambda: None)
    assert cores() == 1
