"""app."""

from __future__ import annotations

from typing import Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.display import display
from vesalius.cli.options import Quiet


def app(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            autocompletion=complete.models,
            help="Zoo name, model folder or run folder that is chosen at the start.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of this machine.")] = 7860,
    share: Annotated[
        bool, typer.Option("--share", help="Let others reach the page through a public address (needs a network).")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Serve a web page on this machine.

    It generates labelled pictures, predicts and compresses. What is dropped on the page lies in a private folder that
    is removed at the end. Only this machine can reach the page, unless --share is given. Ends with Ctrl-C.

    Examples:
        vesalius app
        vesalius app run/ --port 7861
    """
    from vesalius.app.serve import needs_gradio, serve
    from vesalius.tasks.early import check_model

    needs_gradio()
    check_model(model)
    serve(model, port=port, share=share, progress=display(quiet, bar=False).say)
