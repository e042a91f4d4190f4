import base64
import re
from html.parser import HTMLParser

import pytest

from vesalius.errors import InputError
from vesalius.report.page import Column, Made, Report
from vesalius.report.style import new_figure, to_png
from vesalius.report.table import write_csv
from vesalius.report.web_page import BANNER, render, run_report

PNG = to_png(new_figure(3, 2, None))
HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(page)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def folder(tmp_path):
    report = Report(title="A report", task="evaluate codec", lead=HOSTILE)
    section = report.section(HOSTILE).text(HOSTILE, tone="note")
    section.table([Column(name="Coder"), Column(name="dB", numeric=True)], [["svtav1", "35.1"]], HOSTILE)
    section.figure("curve.png", HOSTILE, HOSTILE)
    report.section("Definitions").definitions({"Peak": HOSTILE})
    report.section("Third")
    report.made = Made(command=f"vesalius {HOSTILE}", date="2026-11-21", versions={"a": "1", "b": "2"})
    report.failures = {"x/y": HOSTILE}
    report.save(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "curve.png").write_bytes(PNG)
    write_csv(tmp_path / "table.csv", [{"study": HOSTILE, "x": 1 / 3}, {"study": "b", "x": None}], ["study", "x"])
    return tmp_path


def test_the_page_is_self_contained(folder):
    page = run_report(folder).read_text(encoding="utf-8")
    read = Reader(page)
    assert "script" not in read.tags
    assert "link" not in read.tags
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)
    sources = [value for _, name, value in read.attributes if name in ("src", "href")]
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in sources)
    (image,) = (value for tag, name, value in read.attributes if (tag, name) == ("img", "src"))
    assert base64.b64decode(image.split(",")[1]) == PNG
    assert ("img", "width", str(3 * 96)) in read.attributes


def test_text_is_text(folder):
    read = Reader(run_report(folder).read_text(encoding="utf-8"))
    text = "".join(read.texts)
    assert text.count(HOSTILE) >= 8
    assert ("img", "alt", HOSTILE) in read.attributes


def test_what_every_page_says(folder):
    page = run_report(folder).read_text(encoding="utf-8")
    assert page.count(BANNER) >= 3  # top, foot, every printed page
    for part in ("How this was made", "2026-11-21", "a 1", "b 2", "A report", "35.1", "Failed", "prefers-color-scheme"):
        assert part in page
    assert re.search(r'<td class="number">35.1</td>', page)
    assert re.search(r'<td class="number">0.3333</td>', page)


def test_the_page_is_a_function_of_the_folder(folder):
    first = run_report(folder).read_bytes()
    (folder / "report.html").unlink()
    assert run_report(folder).read_bytes() == first
    (folder / "table.csv").unlink()
    assert b"All measured numbers" not in run_report(folder).read_bytes()


def test_anchors_of_the_contents_exist(folder):
    read = Reader(run_report(folder).read_text(encoding="utf-8"))
    wanted = {value[1:] for _, name, value in read.attributes if name == "href"}
    assert wanted == {value for _, name, value in read.attributes if name == "id"} == {"s1", "s2", "s3"}


def test_an_empty_report():
    page = render(Report(title="Nothing", task="demo"), {})
    assert Reader(page).tags.count("h1") == 1


def test_what_is_missing_or_damaged(folder):
    picture = folder / "figures" / "curve.png"
    picture.write_bytes(b"GIF89a")
    with pytest.raises(InputError, match="neither a PNG nor"):
        run_report(folder)
    picture.unlink()
    with pytest.raises(InputError, match="is missing"):
        run_report(folder)
    with pytest.raises(KeyError):
        render(Report(title="t", task="t", sections=[{"title": "s", "blocks": [
            {"kind": "figure", "file": "a.png", "caption": "", "alt": ""}]}]), {})  # fmt: skip


def test_a_page_shows_so_many_rows_and_says_so(folder):
    write_csv(folder / "table.csv", [{"x": n} for n in range(2003)], ["x"])
    page = run_report(folder).read_text(encoding="utf-8")
    assert "3 more are in the file" in page
    assert page.count("<tr>") < 2020
