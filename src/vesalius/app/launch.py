"""Gradio's server, kept to this machine: no telemetry, no run history, nothing loaded from elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from vesalius.app.context import Context
from vesalius.app.html import CSS
from vesalius.app.page import page, theme
from vesalius.app.uploads import UPLOAD_MB
from vesalius.errors import UsageError

_Made = TypeVar("_Made")

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Content Security Policy: the browser loads nothing from elsewhere, whatever Gradio's scripts ask for."""


class Headers:
    """Adds headers of security to each answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [(b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer")]
                message = {**message, "headers": [*message.get("headers", []), *more]}
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


def in_loop(work: Callable[[], _Made]) -> _Made:
    """Run a function where an event loop runs: without one, Gradio opens a new loop for each lock and closes none."""

    async def running() -> _Made:
        return work()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(running())
    return work()


@contextmanager
def launched(context: Context, host: str, port: int, *, share: bool) -> Iterator[tuple[str, str | None]]:
    """Serve the page of a context while the block runs; yield its address here, and the public one.

    Raises:
        UsageError: the server does not start, or no public address can be had.
    """
    middleware = [Middleware(Headers)]
    if not share:  # a page of another site cannot reach this one under a name of its own
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=[host, "localhost"]))
    blocks = in_loop(lambda: page(context))

    def start() -> tuple[Any, str, str | None]:
        started: tuple[Any, str, str | None] = blocks.queue(default_concurrency_limit=None, api_open=False).launch(
            server_name=host,
            server_port=port,
            share=share,
            prevent_thread_lock=True,
            inbrowser=False,
            show_error=False,
            quiet=True,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            mcp_server=False,
            pwa=False,
            ssr_mode=False,
            max_file_size=f"{UPLOAD_MB}mb",
            theme=theme(),
            css=CSS,
            app_kwargs={"middleware": middleware},
        )
        return started

    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Gradio about its own dependencies
            try:
                _, url, public = in_loop(start)
            except OSError as error:
                raise UsageError(f"port {port} is taken", where="--port", fix="choose another, e.g. 7861") from error
        if share and public is None:
            what = "no public address could be had: the service that gives it cannot be reached"
            raise UsageError(what, where="--share", fix="check the network, or leave --share out")
        yield url, public
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            blocks.close(verbose=False)
