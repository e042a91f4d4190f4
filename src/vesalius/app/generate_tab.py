"""The tab Generate: draw or drop a mask, write a caption, see stamped pictures and how well they keep to the mask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from vesalius.app import html
from vesalius.app.context import Context
from vesalius.app.drawing import EXAMPLES, canvas_of, classes_drawn, editor_value, example
from vesalius.app.generating import MOST_PICTURES, Asked, MadePictures, make_pictures, read_mask
from vesalius.app.slices import rgb
from vesalius.errors import UsageError, VesaliusError

TAB = "generate"
_NO_JUDGE = "none"
_SAMPLERS = ("midpoint", "heun", "euler")
_SIZE = re.compile(r"(\d{1,5})\s*[x,]\s*(\d{1,5})")
_NO_MODEL = (
    "No model that makes pictures comes with this version. Train one (vesalius train generate/nuclei) and start "
)
_NO_MODEL += "the page with it: vesalius app RUN"


def generate_tab(context: Context) -> None:
    """Add the components of the tab to the open Blocks."""
    gr.HTML(html.notice())
    names = context.models.generators()
    if not names:
        gr.HTML(html.status(_NO_MODEL), elem_id="generate-none")
        return
    facts = _Facts(context, names[0])
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            model = gr.Dropdown(
                names,
                value=names[0],
                label="Model",
                elem_id="generate-model",
            )
            caption = gr.Textbox(label="Caption", lines=2, value=facts.first_caption, elem_id="generate-caption")
            usual = gr.Dropdown(
                facts.captions, value=None, label="Captions it was trained with", elem_id="generate-captions",
                visible=bool(facts.captions),
            )  # fmt: skip
            with gr.Group(visible=bool(facts.classes)) as masking:
                legend = gr.HTML(html.legend(facts.classes), padding=True)
                editor = gr.ImageEditor(**facts.editor(facts.size), label="Mask",
                    type="numpy", image_mode="RGBA", format="png", sources=[], transforms=[], layers=False,
                    fixed_canvas=True, buttons=[], elem_id="generate-mask", height=430,
                )  # fmt: skip
                with gr.Row(elem_classes="vsl-tall"):
                    buttons = [gr.Button(name.capitalize(), size="sm", min_width=80) for name in EXAMPLES]
                    upload = gr.UploadButton("Open a label map", size="sm", min_width=80, elem_id="generate-upload")
                follow = gr.Checkbox(
                    True, label="Follow the mask (empty: no such structure)", elem_id="generate-follow"
                )
        with gr.Column(scale=2, min_width=280):
            with gr.Row():
                size = gr.Dropdown(facts.sizes, value=facts.sizes[0], label="Size, rows x columns",
                    allow_custom_value=True, elem_id="generate-size", min_width=130,
                )  # fmt: skip
                count = gr.Number(4, label="Pictures", precision=0, minimum=1, maximum=MOST_PICTURES, min_width=100)
            with gr.Row():
                seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="generate-seed", min_width=100)
                steps = gr.Number(10, label="Steps", precision=0, minimum=1, maximum=1000, min_width=100)
                sampler = gr.Dropdown(list(_SAMPLERS), value="midpoint", label="Sampler", min_width=130)
            text_scale = gr.Slider(0, 10, 1.0, step=0.1, label="Guidance of the caption (1: as learned)")
            mask_scale = gr.Slider(
                0, 10, 1.0, step=0.1, label="Guidance of the mask (1: as learned)", visible=bool(facts.classes)
            )
            judge = gr.Dropdown(
                facts.judges, value=_NO_JUDGE, label="Segmenter that measures Dice", elem_id="generate-judge",
                visible=len(facts.judges) > 1,
            )  # fmt: skip
            with gr.Row(elem_classes="vsl-tall"):
                start = gr.Button("Generate", variant="primary", min_width=110, elem_id="generate-start")
                stop = gr.Button("Cancel", min_width=110, elem_id="generate-cancel")
            status = gr.HTML(html.status(), elem_id="generate-status")
            gallery = gr.Gallery(
                label="Synthetic pictures", columns=2, height="auto", object_fit="contain", format="png",
                elem_id="generate-gallery", elem_classes="vsl-made",
            )  # fmt: skip
            saved = gr.Files(label="Stamped files", visible=False, elem_id="generate-saved")
            provenance = gr.HTML(elem_id="generate-provenance")

    handlers = _Handlers(context)
    quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    asked = [model, caption, editor, follow, size, count, seed, steps, sampler, text_scale, mask_scale, judge]
    start.click(handlers.run, asked, [status, gallery, saved, provenance], **quietly)
    stop.click(handlers.cancel, None, status, queue=False, **quietly)
    upload.upload(handlers.open_mask, [upload, model, size], [status, editor], **quietly)
    usual.input(lambda words: words or gr.skip(), usual, caption, **quietly)
    size.input(handlers.resize, [model, size], [status, editor], **quietly)
    model.input(handlers.choose, model, [caption, usual, masking, legend, editor, size, mask_scale, judge], **quietly)
    for button, kind in zip(buttons, EXAMPLES, strict=True):
        button.click(handlers.draw(kind), [model, size], [status, editor], **quietly)


def size_of(words: str | None) -> tuple[int, int]:
    """Return rows and columns.

    Raises:
        UsageError: no such size.

    Example:
        >>> size_of("64 x 128")
        (64, 128)
    """
    match = _SIZE.fullmatch(str(words or "").strip().lower())
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise UsageError("is no size", where="size", fix="write rows x columns, for instance 64 x 64")
    return int(match[1]), int(match[2])


def _whole(number: Any, what: str) -> int:
    if number is None or number != number or int(number) != number:
        raise UsageError(f"{what} is missing or no whole number", fix="write one")
    return int(number)


class _Facts:
    """What the components show of a model."""

    def __init__(self, context: Context, name: str) -> None:
        offered = context.models.get(name)
        settings = offered.settings
        self.place = offered.place
        self.classes = tuple(str(label) for label in settings.get("classes", {}))
        self.captions = [str(caption) for caption in settings.get("captions", ())]
        self.first_caption = self.captions[0] if self.captions else ""
        self.sizes = [f"{rows} x {columns}" for rows, columns in settings["sizes"]]
        self.size = size_of(self.sizes[0])
        self.judges = [_NO_JUDGE, *context.models.segmenters_for(name)]

    def editor(self, size: tuple[int, int]) -> dict[str, Any]:
        """Canvas and brushes of the editor, which is empty then."""
        rows, columns = canvas_of(size)
        colours = ["#{:02x}{:02x}{:02x}".format(*rgb(n + 1)) for n in range(max(1, len(self.classes)))]
        brush = gr.Brush(default_size=24, colors=colours, default_color=colours[0], color_mode="fixed")
        return {"value": None, "canvas_size": (columns, rows), "brush": brush, "eraser": gr.Eraser(default_size=28)}


def _shown(made: MadePictures) -> list[Any]:
    """Updates of gallery, files and provenance."""
    pictures = [(picture.path, picture.caption) for picture in made.pictures]
    table = html.notes("Notes", made.notes) + html.table(made.provenance)
    return [pictures, gr.Files(list(made.files), visible=True), table]


class _Handlers:
    """What happens on the tab."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(
        self, name: str, words: str, drawn: Any, follows: bool, shape: str, number: Any, first: Any, count_steps: Any,
        method: str, text: float, mask: float, judging: str, request: gr.Request,
    ) -> Iterator[list[Any]]:  # fmt: skip
        session = str(request.session_hash)
        try:
            chosen = _Facts(self._context, name)
            rows, columns = size_of(shape)
            mask_JI = None
            if follows and chosen.classes:
                layers = [] if drawn is None else drawn["layers"]
                mask_JI = classes_drawn(layers, len(chosen.classes), (rows, columns))
            asked = Asked(
                model=chosen.place,
                caption=words.strip(),
                mask_JI=mask_JI,
                classes=chosen.classes,
                count=_whole(number, "the number of pictures"),
                sampling={
                    "seed": _whole(first, "the seed"),
                    "size": (rows, columns),
                    "steps": _whole(count_steps, "the number of steps"),
                    "sampler": method,
                    "guidance": text,
                    "mask_guidance": mask,
                },
                segmenter=None if judging in (None, _NO_JUDGE) else self._context.models.get(judging).place,
            )
        except VesaliusError as error:
            yield [self._context.line(error), *[gr.skip()] * 3]
            return
        for line, result in self._context.run(session, TAB, make_pictures, asked):
            yield [line, *[gr.skip()] * 3] if result is None else [line, *_shown(result)]

    def open_mask(self, path: str, name: str, shape: str, request: gr.Request) -> Iterator[list[Any]]:
        try:
            rows_columns = size_of(shape)
            place = self._context.models.get(name).place
        except VesaliusError as error:
            yield [self._context.line(error), gr.skip()]
            return
        for line, numbers_JI in self._context.run(
            str(request.session_hash), "mask", read_mask, path, place, rows_columns
        ):
            yield [line, gr.skip() if numbers_JI is None else editor_value(numbers_JI, rows_columns)]

    def resize(self, name: str, shape: str) -> list[Any]:
        try:
            return ["", gr.ImageEditor(**_Facts(self._context, name).editor(size_of(shape)))]
        except VesaliusError as error:
            return [self._context.line(error), gr.skip()]

    def choose(self, name: str) -> list[Any]:
        new = _Facts(self._context, name)
        return [
            new.first_caption,
            gr.Dropdown(new.captions, value=None, visible=bool(new.captions)),
            gr.Group(visible=bool(new.classes)),
            html.legend(new.classes),
            gr.ImageEditor(**new.editor(new.size)),
            gr.Dropdown(new.sizes, value=new.sizes[0]),
            gr.Slider(visible=bool(new.classes)),
            gr.Dropdown(new.judges, value=_NO_JUDGE, visible=len(new.judges) > 1),
        ]

    def cancel(self, request: gr.Request) -> str:
        return self._context.cancel(str(request.session_hash))

    def draw(self, kind: str) -> Callable[[str, str], list[Any]]:
        """Return the handler of the button of an example."""

        def drawn(name: str, shape: str) -> list[Any]:
            try:
                rows_columns = size_of(shape)
                numbers_JI = example(kind, len(_Facts(self._context, name).classes), rows_columns)
            except VesaliusError as error:
                return [self._context.line(error), gr.skip()]
            return ["", editor_value(numbers_JI, rows_columns) if numbers_JI.any() else None]

        return drawn
