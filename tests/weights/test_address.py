import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from vesalius.errors import InputError, UsageError
from vesalius.weights.address import addresses, ask_sizes, fetch_addresses, is_address


@pytest.fixture
def server():
    """The address of a server on this machine with some files, and the names of the programs that asked it."""
    agents = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            agents.append(self.headers["User-Agent"])
            data = {"/m/config.json": b"{}", "/m/model.pth": b"weights", "/page": b"<p>", "/cut": b"wei"}.get(self.path)
            if data is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if self.path == "/page" else "application/octet-stream")
            self.send_header("Content-Length", str(7 if self.path == "/cut" else len(data)))
            self.end_headers()
            with contextlib.suppress(OSError):  # who asks for the size only hangs up
                self.wfile.write(data)

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", agents
        running.shutdown()
        thread.join()


def test_files_of_a_server(server, tmp_path):
    address, agents = server
    places = addresses(f"{address}/m/", ["config.json", "model.pth"])
    assert ask_sizes(places) == {"config.json": 2, "model.pth": 7}
    assert fetch_addresses(places, tmp_path) == {"config.json": 2, "model.pth": 7}
    assert (tmp_path / "model.pth").read_bytes() == b"weights"
    assert set(agents) == {"vesalius"}
    for path, what in (
        ("none", r"/none: answers 404 \(Not Found\); check the address"),
        ("page", "/page: is a web page, not a file of weights; fetch the file with a browser"),
        ("cut", "/cut: sent 3 bytes instead of 7; try again"),
    ):
        with pytest.raises(InputError, match=what):
            fetch_addresses({"model.pth": f"{address}/{path}"}, tmp_path)


def test_no_network():
    with pytest.raises(InputError, match=r"https://mirror.example/m.pth: cannot be reached \(URLError\); try again"):
        ask_sizes({"m.pth": "https://mirror.example/m.pth"})


def test_addresses():
    assert addresses("https://x.example/a/w.PTH", ["config.json", "model.pth"]) == {
        "model.pth": "https://x.example/a/w.PTH"
    }
    assert addresses("https://x.example/get?id=7", ["model.pth"]) == {"model.pth": "https://x.example/get?id=7"}
    assert not is_address("models/a.pth")
    with pytest.raises(UsageError, match="--from: s3 is not supported"):
        is_address("s3://bucket/a.pth")
