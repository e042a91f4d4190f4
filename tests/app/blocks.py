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

        from vesalius.app.launch import in_loop

        space = Workspace(tmp_path)
        context = Context(Models(), space, Jobs(space.root))

        def built():
            with gr.Blocks(analytics_enabled=False) as blocks:
                build(context)
            return blocks

        try:
            blocks = in_loop(built)
        finally:
            context.jobs.close()
            space.close()
    return {block.elem_id: block for block in blocks.blocks.values() if getattr(block, "elem_id", None)}
