import base64
import hashlib
import io
import re

import numpy as np
import pytest
from PIL import Image

from vesalius.report.page import Report
from vesalius.report.player import GAP, MOST_ROWS, Track, grey, player
from vesalius.report.web_page import render

SHAPE_TJI = (5, 4, 7)


def film(seed, shape=SHAPE_TJI):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def made(**options):
    tracks = [Track("Original", ("16 bit",), film(0)), Track("tokens", ("31 B", "28.9 dB"), film(1))]
    return player("p.png", tracks, **{"caption": "Moving.", "alt": "two films", **options})


def test_the_sheet_holds_every_frame_of_every_track():
    block, png = made()
    sheet = np.asarray(Image.open(io.BytesIO(png)))
    assert sheet.shape == (5 * 4, 2 * 7 + GAP, 2)
    for t in range(5):
        rows = sheet[t * 4 : (t + 1) * 4]
        assert np.array_equal(rows[:, :7, 0], film(0)[t])
        assert np.array_equal(rows[:, 7 + GAP :, 0], film(1)[t])
        assert (rows[:, 7 : 7 + GAP, 1] == 0).all()
        assert (rows[:, :7, 1] == 255).all()
    assert (block.frames, block.tile_width, block.tile_height, block.gap, block.start) == (5, 7, 4, GAP, 0)
    assert [(tile.title, tile.lines) for tile in block.tiles] == [
        ("Original", ["16 bit"]),
        ("tokens", ["31 B", "28.9 dB"]),
    ]


@pytest.mark.parametrize(("frame_ms", "shown"), [(None, 200), (33.0, 33), (3.0, 20), (5000.0, 400)])
def test_speed(frame_ms, shown):
    assert made(frame_ms=frame_ms)[0].frame_ms == shown


def test_pixels_that_are_not_square():
    block, _ = made(pixel_aspect=1.5)
    assert (block.tile_width, block.tile_height) == (7, 6)


def test_long_films_are_thinned_evenly_around_the_first_frame():
    rows = MOST_ROWS // 8
    block, png = player(
        "p.png", [Track("a", (), film(0, (10, rows, 2)))], caption="c.", alt="a", frame_ms=50.0, start=3
    )
    assert Image.open(io.BytesIO(png)).size == (2, 5 * rows)
    assert (block.frames, block.frame_ms, block.start) == (5, 100, 1)  # 1, 3, 5, 7, 9
    assert block.caption.endswith("One of 2 frames is shown.")


def test_what_cannot_be_shown():
    for tracks in ([], [Track("a", (), film(0)), Track("b", (), film(1, (5, 4, 6)))], [Track("a", (), film(0)[0])]):
        with pytest.raises(ValueError, match="tracks of shapes"):
            player("p.png", tracks, caption="", alt="")
    with pytest.raises(ValueError, match="no frame 5"):
        made(start=5)


def test_grey():
    assert grey(np.array([[np.nan, 10.0], [15.0, 99.0]]), (10.0, 20.0)).tolist() == [[0, 0], [128, 255]]


def shown(**options):
    block, png = made(**options)
    report = Report(title="t", task="t")
    report.section("s").player(block)
    return render(report, {"p.png": png}), png


def test_a_page_with_a_player_runs_its_own_script_and_no_other():
    page, png = shown(start=2)
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "prefers-reduced-motion" in script
    assert not re.search(r"https?:|@import|url\(", page)
    assert base64.b64encode(png).decode() in page
    assert "translateY(-40.0%)" in page  # without a script frame 2 of 5 is seen
    assert 'max="4"' in page
    assert 'value="2"' in page
    for words in ("Original", "16 bit", "31 B", "28.9 dB", "Moving.", 'alt="two films"'):
        assert words in page


def test_hostile_words_stay_words():
    block, png = player("p.png", [Track("</script><b>", ("<i>",), film(0))], caption="<u>", alt='"><img')
    report = Report(title="t", task="t")
    report.section("s").player(block)
    page = render(report, {"p.png": png})
    assert page.count("<script>") == page.count("</script>") == 1
    assert not re.search(r"<(b|i|u)>[^<]*(31|$)", page)
    assert "&lt;/script&gt;" in page


def test_a_page_without_a_player_has_no_script():
    page = render(Report(title="t", task="t"), {})
    assert "<script" not in page
    assert "script-src" not in page
