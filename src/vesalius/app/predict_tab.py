"""The tab Predict: drop a scan, choose a model, see what it finds over slices and frames."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from vesalius.app import html
from vesalius.app.context import Context
from vesalius.app.predicting import Prediction, predict_scan
from vesalius.app.slices import WINDOWS, picture
from vesalius.errors import VesaliusError

TAB = "predict"


def predict_tab(context: Context) -> None:
    """Add the components of the tab to the open Blocks."""
    models = context.models.predictors()
    gr.HTML(html.notice())
    kept = gr.State(None)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            files = gr.File(
                label="Scan: NIfTI, DICOM, zip, PNG",
                file_count="multiple",
                height=170,
                elem_id="predict-files",
            )
            model = gr.Dropdown(models, value=next(iter(models), None), label="Model", elem_id="predict-model")
            with gr.Row(elem_classes="vsl-tall"):
                start = gr.Button("Predict", variant="primary", min_width=110, elem_id="predict-start")
                stop = gr.Button("Cancel", min_width=110, elem_id="predict-cancel")
            status = gr.HTML(html.status(), elem_id="predict-status")
            facts = gr.HTML(elem_id="predict-facts")
        with gr.Column(scale=3, min_width=320):
            view = gr.Image(
                label="Slice", format="png", interactive=False, elem_id="predict-view", elem_classes="vsl-view",
                buttons=["download", "fullscreen"], visible=False,
            )  # fmt: skip
            legend = gr.HTML()
            k = gr.Slider(0, 1, 0, step=1, label="Slice", visible=False, elem_id="predict-slice")
            t = gr.Slider(0, 1, 0, step=1, label="Time (frame)", visible=False, elem_id="predict-frame")
            with gr.Row():
                levels = gr.Dropdown(list(WINDOWS), value="automatic", label="Grey levels", visible=False)
                opacity = gr.Slider(0, 1, 0.4, step=0.05, label="Strength of the labels", visible=False)
            figures = gr.Gallery(
                label="Figures",
                columns=1,
                height="auto",
                object_fit="contain",
                visible=False,
                elem_id="predict-figures",
            )
            saved = gr.Files(label="Results", visible=False, elem_id="predict-saved")
    shown = [kept, status, facts, view, legend, k, t, levels, opacity, figures, saved]

    def run(paths: list[str] | None, name: str | None, request: gr.Request) -> Iterator[list[Any]]:
        session = str(request.session_hash)
        try:
            place = context.models.get(name).place
        except VesaliusError as error:
            yield [gr.skip(), context.line(error), *[gr.skip()] * 9]
            return
        for line, result in context.run(session, TAB, predict_scan, list(paths or []), place):
            if result is None:
                yield [gr.skip(), line, *[gr.skip()] * 9]
            else:
                yield [result, line, *_shown(result)]

    def look(result: Prediction | None, number: float, frame: float, name: str, strength: float) -> Any:
        if result is None or not result.shown.folder.is_dir():
            return gr.skip()
        return picture(result.shown, *result.shown.place(frame, number), WINDOWS.get(name), strength)

    def cancel(request: gr.Request) -> str:
        return context.cancel(str(request.session_hash))

    start.click(run, [files, model], shown, show_progress="hidden", api_visibility="private")
    stop.click(cancel, None, status, queue=False, show_progress="hidden", api_visibility="private")
    looked = [kept, k, t, levels, opacity]
    for control in looked[1:]:
        control.input(look, looked, view, show_progress="hidden", trigger_mode="always_last", api_visibility="private")


def _shown(result: Prediction) -> list[Any]:
    """Updates of facts, view, legend, both sliders, levels, opacity, figures and files."""
    shown, (t, k) = result.shown, result.start
    side = "" if shown.edges is None else f" (left edge: patient's {shown.edges[0]}, top: {shown.edges[2]})"
    facts = [
        f"<p>{escape(result.line)}</p>",
        html.table(result.rows, result.header),
        html.notes("Caveats", result.notes),
        f"<p><em>{escape(result.about)}</em></p>",
    ]
    label = f"Slice{side}" if shown.slices * shown.frames > 1 else "Picture"
    return [
        "".join(facts),
        gr.Image(picture(shown, t, k), label=label, visible=True),
        html.legend(result.classes),
        gr.Slider(0, max(1, shown.slices - 1), k, step=1, visible=shown.slices > 1),
        gr.Slider(0, max(1, shown.frames - 1), t, step=1, visible=shown.frames > 1),
        gr.Dropdown(value="automatic", visible=shown.unit == "HU"),
        gr.Slider(value=0.4, visible=bool(result.classes)),
        gr.Gallery(list(result.pictures), visible=bool(result.pictures)),
        gr.Files(list(result.files), visible=True),
    ]
