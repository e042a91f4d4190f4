"""The tab Generate."""

from __future__ import annotations

import gradio as gr

from vesalius.app import html
from vesalius.app.context import Context


def generate_tab(context: Context) -> None:
    """Add the components of the tab to the open Blocks."""
    gr.HTML(html.notice())
