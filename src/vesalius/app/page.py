"""The page: three tabs in one design, light or dark, without a font or script from elsewhere."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vesalius.app.compress_tab import compress_tab
from vesalius.app.context import Context
from vesalius.app.generate_tab import generate_tab
from vesalius.app.models import GENERATE
from vesalius.app.predict_tab import predict_tab

TITLE = "Vesalius"
_TABS = ("generate", "predict", "compress")


def page(context: Context) -> Any:
    """Return the Blocks of the page; the tab of the model of the command line is open."""
    given = context.models.given
    first = "predict" if given is not None and given.task != GENERATE else "generate"
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        gr.Markdown("# Vesalius")
        with gr.Tabs(selected=first):
            for name, build in zip(_TABS, (generate_tab, predict_tab, compress_tab), strict=True):
                with gr.Tab(name.capitalize(), id=name, elem_id=f"tab-{name}"):
                    build(context)

        def leave(request: gr.Request) -> None:
            context.leave(str(request.session_hash))

        blocks.unload(leave)
    return blocks


def theme() -> Any:
    """Return the theme: fonts of the system, blue as in the reports."""
    blue = gr.themes.colors.blue
    return gr.themes.Base(
        primary_hue=blue,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_sm,
    )
