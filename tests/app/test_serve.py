import importlib.util
import socket

import pytest

from vesalius.app.serve import check_port, needs_gradio, serve
from vesalius.errors import InputError, MissingExtraError, UsageError


def test_a_missing_extra_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vesalius\[app\]'"):
        needs_gradio()


def test_a_port_that_is_taken_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}"):
            check_port(port)
    check_port(port)


def test_an_unknown_model_is_found_before_anything_starts(tmp_path):
    pytest.importorskip("gradio")
    with pytest.raises(InputError, match="neither a folder"):
        serve("no/such", port=1)
