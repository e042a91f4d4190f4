"""The tab Compress: drop a scan, choose a target, see original, restored and error, and the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from vesalius.app import html
from vesalius.app.compressing import Compressed, compress_one, panels
from vesalius.app.context import Context
from vesalius.app.slices import WINDOWS

TAB = "compress"
_TARGETS = [("Lossless", "lossless"), ("At least this PSNR", "psnr"), ("At least this ratio", "ratio")]


def compress_tab(context: Context) -> None:
    """Add the components of the tab to the open Blocks."""
    gr.HTML(html.notice())
    kept = gr.State(None)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            files = gr.File(
                label="Scan: NIfTI, DICOM, zip, PNG",
                file_count="multiple",
                height=170,
                elem_id="compress-files",
            )
            target = gr.Radio(_TARGETS, value="lossless", label="Target", elem_id="compress-target")
            psnr = gr.Number(45, label="PSNR in dB", minimum=1, maximum=200, visible=False, elem_id="compress-psnr")
            ratio = gr.Number(
                10, label="Ratio, N : 1", minimum=1, maximum=10_000, visible=False, elem_id="compress-ratio"
            )
            with gr.Row(elem_classes="vsl-tall"):
                start = gr.Button("Compress", variant="primary", min_width=110, elem_id="compress-start")
                stop = gr.Button("Cancel", min_width=110, elem_id="compress-cancel")
            status = gr.HTML(html.status(), elem_id="compress-status")
            facts = gr.HTML(elem_id="compress-facts")
            saved = gr.Files(label="The .vsl file", visible=False, elem_id="compress-saved")
        with gr.Column(scale=5, min_width=320):
            with gr.Row():
                views = [_view(name) for name in ("Original", "Restored", "Error")]
            scale = gr.HTML(elem_id="compress-scale")
            k = gr.Slider(0, 1, 0, step=1, label="Slice", visible=False, elem_id="compress-slice")
            t = gr.Slider(0, 1, 0, step=1, label="Time (frame)", visible=False, elem_id="compress-frame")
            levels = gr.Dropdown(list(WINDOWS), value="automatic", label="Grey levels", visible=False)
    shown = [kept, status, facts, saved, *views, scale, k, t, levels]

    def run(
        paths: list[str] | None, choice: str, decibels: float | None, times: float | None, request: gr.Request
    ) -> Iterator[list[Any]]:
        session, arguments = str(request.session_hash), (list(paths or []), choice, decibels, times)
        for line, result in context.run(session, TAB, compress_one, *arguments):
            if result is None:
                yield [gr.skip(), line, *[gr.skip()] * 9]
            else:
                yield [result, line, *_shown(result)]

    def look(result: Compressed | None, number: float, frame: float, name: str) -> Any:
        if result is None or not result.original.folder.is_dir():
            return [gr.skip()] * 3
        return list(panels(result, *result.original.place(frame, number), WINDOWS.get(name)))

    def ask(choice: str) -> list[Any]:
        return [gr.Number(visible=choice == "psnr"), gr.Number(visible=choice == "ratio")]

    def cancel(request: gr.Request) -> str:
        return context.cancel(str(request.session_hash))

    target.change(ask, target, [psnr, ratio], queue=False, show_progress="hidden", api_visibility="private")
    start.click(run, [files, target, psnr, ratio], shown, show_progress="hidden", api_visibility="private")
    stop.click(cancel, None, status, queue=False, show_progress="hidden", api_visibility="private")
    looked = [kept, k, t, levels]
    for control in looked[1:]:
        control.input(look, looked, views, show_progress="hidden", trigger_mode="always_last", api_visibility="private")


def _view(name: str) -> Any:
    return gr.Image(
        label=name, format="png", interactive=False, elem_id=f"compress-{name.lower()}", elem_classes="vsl-view",
        buttons=["download", "fullscreen"], min_width=220, visible=False,
    )  # fmt: skip


def _shown(result: Compressed) -> list[Any]:
    """Updates of facts, file, the three pictures, the scale of errors, both sliders and levels."""
    original = result.original
    t, k = 0, original.slices // 2
    white = f"Error: black is none, white is {result.largest:.4g} {original.unit}".rstrip()
    none = "Error: none, every value is equal"
    return [
        html.table(result.rows) + html.notes("Caveats", result.notes),
        gr.Files([result.file], visible=True),
        *(gr.Image(view, visible=True) for view in panels(result, t, k)),
        html.status(white if result.largest else none),
        gr.Slider(0, max(1, original.slices - 1), k, step=1, visible=original.slices > 1),
        gr.Slider(0, max(1, original.frames - 1), t, step=1, visible=original.frames > 1),
        gr.Dropdown(value="automatic", visible=original.unit == "HU"),
    ]
