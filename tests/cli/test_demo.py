"""The demo verb: what it hands on; the demo itself has its own test."""

from pathlib import Path


def test_the_demo_hands_on_its_options(vesalius, monkeypatch):
    seen = []

    def demo(output, *, threads, force, progress):
        progress("working")
        seen.append((output, threads, force))
        return {"path": str(output)}

    monkeypatch.setattr("vesalius.tasks.demo.run.demo", demo)
    monkeypatch.setattr("vesalius.tasks.demo.run.lines", lambda result: [result["path"]])
    done = vesalius("demo", "--threads", "2", "--force")
    assert (done.code, done.out, done.err) == (0, "vesalius-demo\n", "working\n")
    done = vesalius("demo", "-o", "here", "-q", "--json", "--threads", "1")
    assert (done.told, done.err) == ({"path": "here"}, "")
    assert seen == [(Path("vesalius-demo"), 2, True), (Path("here"), 1, False)]
