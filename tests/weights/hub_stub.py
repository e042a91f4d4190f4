"""A hub without a network: it answers what huggingface_hub asks, through its own HTTP client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import huggingface_hub
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StubHub:
    """files: name -> bytes of the one repository; status: what it answers instead, e.g. 401; asked: (method, path);
    agents: what it was told about us."""

    def __init__(self, files, status=200, headers=None):
        self.files, self.status, self.headers, self.asked = files, status, headers or {}, []
        self.agents = []

    def answer(self, request):
        import httpx2

        path = request.url.path
        self.asked.append((request.method, path))
        self.agents.append(request.headers["user-agent"])
        if self.status != 200:
            return httpx2.Response(self.status, headers=self.headers, json={"error": "no"}, request=request)
        if path.startswith("/api/models/"):
            siblings = [{"rfilename": name, "size": len(data)} for name, data in self.files.items()]
            told = {"id": "x/y", "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
            return httpx2.Response(200, content=json.dumps(told | {"likes": 0}), request=request)
        name = path.rpartition(f"/resolve/{COMMIT}/")[2]
        if name not in self.files:
            return httpx2.Response(404, headers={"X-Error-Code": "EntryNotFound"}, request=request)
        data = self.files[name]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{name}"', "Content-Length": str(len(data))}
        return httpx2.Response(200, headers=headers, content=b"" if request.method == "HEAD" else data, request=request)


@contextmanager
def stubbed(hub: StubHub) -> Iterator[StubHub]:
    """huggingface_hub talks to `hub` inside."""
    httpx2 = pytest.importorskip("httpx2")
    from huggingface_hub.utils import _http

    transport = httpx2.MockTransport(lambda request: hub.answer(request))
    huggingface_hub.set_client_factory(lambda: httpx2.Client(transport=transport, follow_redirects=True))
    huggingface_hub.utils.disable_progress_bars()
    try:
        yield hub
    finally:
        huggingface_hub.set_client_factory(_http.default_client_factory)
