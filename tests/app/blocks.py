"""The Blocks of a page without a server, for tests."""

import warnings

from vesalius.app.context import Context
from vesalius.app.jobs import Jobs
from vesalius.app.models import Models
from vesalius.app.workspace import Workspace


def components(tmp_path, build):
    """Return what a tab adds to the page: id -> component."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gradio's dependencies
        import gradio as gr

        space = Workspace(tmp_path)
        context = Context(Models(), space, Jobs(space.root))
        try:
            with gr.Blocks(analytics_enabled=False) as blocks:
                build(context)
        finally:
            context.jobs.close()
            space.close()
    return {block.elem_id: block for block in blocks.blocks.values() if getattr(block, "elem_id", None)}
