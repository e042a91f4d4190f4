import subprocess
import sys


def _run(*words):
    command = [sys.executable, "-m", "vesalius", "app", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_help_names_the_options():
    done = _run("--help")
    assert done.returncode == 0
    for word in ("--port", "--share", "[MODEL]", "Ctrl-C"):
        assert word in done.stdout


def test_an_unknown_model_is_one_line():
    done = _run("no/such-model")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: no/such-model")
