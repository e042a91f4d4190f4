"""Serve the page on this machine until it is interrupted: `vesalius app`."""

from __future__ import annotations

import importlib.util
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.errors import MissingExtraError, UsageError
from vesalius.wording import Progress, quiet

HOST = "127.0.0.1"
_SHARED_WAIT_S = 3600.0


@dataclass(frozen=True)
class Served:
    """A page that is being served.

    Args:
        url: on this machine.
        public: address for others; None unless it was asked for.
        folder: private folder of uploads and results.
    """

    url: str
    public: str | None
    folder: Path


def needs_gradio() -> None:
    """Raise MissingExtraError where the page cannot be served; import nothing."""
    if importlib.util.find_spec("gradio") is None:
        raise MissingExtraError("the web page needs Gradio", extra="app")


@checked
def serve(
    model: PathLike | None = None,
    *,
    port: int = 7860,
    share: bool = False,
    progress: Progress = quiet,
    wait: Callable[[], None] | None = None,
) -> None:
    """Serve the page until the process is interrupted.

    Args:
        model: that is chosen at the start: a zoo name, a model folder or a run.
        port: of this machine.
        share: let others reach the page through a public address of Gradio's service.
        progress: callback that receives the addresses.
        wait: returns when the page is to end; None: never.

    Raises:
        MissingExtraError: Gradio is not installed.
        InputError, UsageError: no such model, or the port is taken.
    """
    with serving(None if model is None else str(model), port=port, share=share) as served:
        progress(f"the page is at {served.url} (end it with Ctrl-C)")
        if served.public is not None:
            progress(f"anyone with this address can use this machine through the page: {served.public}")
        if wait is not None:
            wait()
            return
        while True:
            time.sleep(_SHARED_WAIT_S)


@contextmanager
def serving(model: str | None = None, *, port: int = 7860, share: bool = False) -> Iterator[Served]:
    """Serve the page while the block runs; uploads and results are removed at its end. Raises as `serve`."""
    needs_gradio()
    from vesalius.app.context import Context
    from vesalius.app.jobs import Jobs
    from vesalius.app.models import Models
    from vesalius.app.workspace import Workspace

    models = Models(model)
    check_port(port)
    workspace = Workspace()
    jobs = Jobs(workspace.root)
    try:
        from vesalius.app.launch import launched

        context = Context(models, workspace, jobs)
        variables = {"GRADIO_TEMP_DIR": str(workspace.uploads), "GRADIO_ANALYTICS_ENABLED": "False"}
        with _environment(variables), launched(context, HOST, port, share=share) as (url, public):
            yield Served(url, public, workspace.root)
    finally:
        jobs.close()
        workspace.close()


def check_port(port: int) -> None:
    """Raise UsageError where a port of this machine is taken or may not be used."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            reason = (error.strerror or "cannot be used").lower()
            raise UsageError(f"port {port}: {reason}", where="--port", fix="choose another, e.g. 7861") from error


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
