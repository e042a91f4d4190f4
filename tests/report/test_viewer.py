import base64
import hashlib
import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from vesalius.report.page import Report
from vesalius.report.viewer import (
    EXACT_PIXELS,
    MOST_PIXELS,
    MOST_SIDE,
    PaneStacks,
    Stack,
    classes_stack,
    error_stack,
    fitted,
    grey,
    still_of,
    viewer,
)
from vesalius.report.web_page import render

SHAPE_TKJI = (5, 3, 4, 7)


def stack(seed, shape=SHAPE_TKJI):
    return Stack(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def made(**options):
    panes = [PaneStacks("Original", [stack(0)], ("16 bit",)), PaneStacks("tokens", [stack(1)], ("31 B", "28.9 dB"))]
    words = {"still": "v.png", "caption": "Moving.", "alt": "two films", "exact": True}
    return viewer("v", panes, **{**words, **options})


def picture(block, files, pane, t, k):
    """The pixels that the script draws."""
    sheet = np.asarray(Image.open(io.BytesIO(files[block.panes[pane].sheets[0]])))
    row, column = divmod(t * len(block.slices) + k, block.across)
    return sheet[row * block.height :, column * block.width :][: block.height, : block.width]


def test_a_sheet_holds_every_slice_of_every_frame():
    block, files = made()
    assert sorted(files) == ["v0.png", "v1.png"]
    for pane in (0, 1):
        for t in range(5):
            for k in range(3):
                assert np.array_equal(picture(block, files, pane, t, k), stack(pane).pictures[t, k])
    assert (block.width, block.height, block.frames, block.slices) == (7, 4, [0, 1, 2, 3, 4], [0, 1, 2])
    assert [(pane.title, pane.lines) for pane in block.panes] == [
        ("Original", ["16 bit"]),
        ("tokens", ["31 B", "28.9 dB"]),
    ]


@pytest.mark.parametrize(("frame_ms", "shown"), [(None, 200), (33.0, 33), (3.0, 20), (5000.0, 400)])
def test_speed(frame_ms, shown):
    assert made(frame_ms=frame_ms)[0].frame_ms == shown


def test_sheets_are_bounded_and_keep_the_first_picture():
    many = Stack(np.zeros((1, 500, 300, 400), np.uint8))
    block, files = viewer("v", [PaneStacks("", [many])], still="v.png", caption="c.", alt="a", start=(0, 77))
    assert files["v0.jpg"][:2] == b"\xff\xd8"
    assert len(block.slices) * block.width * block.height <= MOST_PIXELS
    assert block.slices[block.slice] == 77
    assert block.caption.endswith("slices is shown.")
    block, _ = viewer("v", [PaneStacks("", [many])], still="v.png", caption="c.", alt="a", exact=True)
    assert (block.width, block.height) == (400, 300)
    assert len(block.slices) * 120_000 <= EXACT_PIXELS
    assert fitted(many.pictures[0, 0]).shape == (192, MOST_SIDE)


def test_a_stack_that_is_shown_twice_is_stored_once():
    one = stack(0)
    block, files = viewer(
        "v", [PaneStacks("a", [one]), PaneStacks("b", [one])], still="v.png", caption="", alt="", exact=True
    )
    assert list(files) == block.sheets == ["v0.png"]
    assert block.of("case.").sheets == ["case.v0.png"]


def test_classes_and_errors_have_colours():
    labels = np.zeros((1, 1, 9, 9), int)
    labels[..., 2:7, 2:7] = 2
    overlay = classes_stack(labels, 2)
    assert np.unique(overlay.pictures).tolist() == [0, 3, 4]  # outside, inside, outline of class 2
    assert overlay.palette_N4[:, 3].tolist() == [0, 70, 255, 70, 255]
    assert overlay.palette_N4[4, :3].tolist() == [213, 94, 0]
    errors = error_stack(np.array([-9.0, 0.0, 4.0, np.nan]).reshape(1, 1, 2, 2), 4.0)
    blue, white, red, unknown = errors.palette_N4[errors.pictures.ravel(), :3].astype(int)
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert np.array_equal(white, unknown)
    assert white.min() > 240


def test_what_cannot_be_shown():
    for panes in ([], [PaneStacks("a", [stack(0)]), PaneStacks("b", [stack(1, (5, 3, 4, 6))])]):
        with pytest.raises(ValueError, match="panes of shapes"):
            viewer("v", panes, still="v.png", caption="", alt="")
    with pytest.raises(ValueError, match="no place"):
        made(start=(5, 0))
    assert grey(np.array([[np.nan, 10.0], [15.0, 99.0]]), (10.0, 20.0)).tolist() == [[0, 0], [128, 255]]


def page_of(block, files):
    report = Report(title="t", task="t")
    report.section("s").viewer(block)
    return render(report, {**files, "v.png": still_of([PaneStacks("Original", [stack(0)])])})


def test_a_page_with_a_viewer_runs_its_own_script_and_no_other():
    block, files = made(start=(2, 1))
    page = page_of(block, files)
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "prefers-reduced-motion" in script
    assert not re.search(r"https?:|@import|url\(", page)
    for data in files.values():
        assert base64.b64encode(data).decode() in page
    for words in ("Original", "16 bit", "31 B", "28.9 dB", "Moving.", 'alt="two films"'):
        assert words in page
    assert "<script" not in render(Report(title="t", task="t"), {})


def test_hostile_words_stay_words():
    panes = [PaneStacks("</script><b>", [stack(0)], ("<i>",))]
    page = page_of(*viewer("v", panes, still="v.png", caption="<u>", alt='"><img', words=['"><q>'] * 3, exact=True))
    assert page.count("<script>") == page.count("</script>") == 1
    assert not re.search(r"<(i|u|q)>", page)
    assert "&lt;/script&gt;" in page


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium here: make tools")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_slider_wheel_play_overlay_window_and_keys_in_a_browser(browser, tmp_path):
    shades = np.zeros((4, 3, 8, 8), np.uint8)
    shades[:] = (20 * np.arange(4)[:, None] + 80 * np.arange(3))[..., None, None]  # one shade for each place
    overlay = classes_stack(np.ones(shades.shape, int), 1)
    panes = [PaneStacks("a", [Stack(shades), Stack(255 - shades)], overlay=overlay), PaneStacks("b", [Stack(shades)])]
    block, files = viewer(
        "v", panes, still="v.png", caption="", alt="", choices=["plain", "turned"], slices=[5, 6, 7], exact=True
    )
    path = tmp_path / "page.html"
    path.write_text(page_of(block, files), encoding="utf-8")
    context = browser.new_context(viewport={"width": 900, "height": 1200}, reduced_motion="reduce", offline=True)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    page.locator(".stage").wait_for()

    def state(name):
        return page.locator(".viewer").get_attribute(f"data-{name}")

    def shade(pane):
        read = "(c) => c.getContext('2d').getImageData(4, 4, 1, 1).data[0]"
        return page.locator("canvas").nth(pane).evaluate(read)

    assert not page.locator(".still").is_visible()
    assert shade(1) == 0
    page.locator("input.slice").fill("2")
    assert (state("slice"), shade(1)) == ("2", 160)
    assert "slice 7 (5 to 7), frame 0 (0 to 3)" in page.locator("output").inner_text()
    page.locator("canvas").first.hover()
    page.mouse.wheel(0, -100)
    page.locator(".viewer[data-slice='1']").wait_for()
    assert shade(1) == 80
    assert page.evaluate("scrollY") == 0
    page.locator(".stage").focus()
    page.keyboard.press("ArrowRight")
    assert (state("frame"), shade(1)) == ("1", 100)
    page.locator("select").select_option("turned")
    assert shade(1) == 100  # has one stack for all choices
    covered = shade(0)
    page.get_by_label("Overlay").uncheck()
    assert (state("overlay"), shade(0)) == ("false", 155)
    page.locator(".stage").press("o")
    assert shade(0) == covered != 155
    page.locator("button").click()
    page.locator(".viewer[data-frame='3']").wait_for()
    page.locator(".stage").press(" ")
    assert state("playing") == "false"
    assert not faults
    context.close()
    without = browser.new_context(java_script_enabled=False)
    page = without.new_page()
    page.goto(path.as_uri())
    assert page.locator(".still").is_visible()
    assert not page.locator(".stage").is_visible()
    without.close()
