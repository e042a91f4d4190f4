import json

from pydantic import TypeAdapter

from tasks.evaluate.codec.fake import study
from vesalius.report.chart import bars
from vesalius.report.page import Figure, Made, Report, load_report
from vesalius.report.publish import publish
from vesalius.tasks.evaluate.codec.page import DEFINITIONS, lead, show
from vesalius.tasks.evaluate.codec.results import Exact
from vesalius.tasks.evaluate.codec.summary import Summary, summarise

MADE = Made(command="vesalius evaluate codec x", date="2026-11-21")
EXACT = (Exact(method="jpegxl", size_bytes=500), Exact(method="x265", size_bytes=None, why_not="14 bits"))


def build(results, folder):
    """The published report; a picture that an evaluation would have drawn lies in the folder."""
    (folder / "figures").mkdir()
    (folder / "figures" / "p.png").write_bytes(bars({"a": {"b": 1.0}}, "c"))
    summary = summarise(results)
    publish(show(results, summary), folder, title="t", task="t", lead=lead(results, summary), made=MADE)
    return load_report(folder)


def test_the_report_holds_every_table_figure_and_definition(tmp_path):
    picture = Figure(file="p.png", caption="c", alt="a")
    first = study("a", exact=EXACT).model_copy(update={"pictures": (picture,), "notes": ("odd spacing",)})
    results = [first, study("b", shift=1.0), study("c", data_set="other", heart=None)]
    report = build(results, tmp_path)
    assert [section.title for section in report.sections] == ["cine", "other", "Lossless", "Definitions"]
    assert report.figures == [
        "cine-psnr.png", "cine-ssim.png", "cine-bytes.png", "p.png",
        "other-psnr.png", "other-ssim.png", "other-bytes.png", "lossless.png",
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(report.figures)
    text = report.to_json()
    for words in ("odd spacing", "14 bits", "against svtav1", "bytes around the tier", "3 studies", "each study"):
        assert words in text
    assert dict(report.sections[-1].blocks[0].items) == DEFINITIONS
    assert Report.from_json(text) == report
    assert TypeAdapter(Summary).validate_json(json.dumps(json.loads(text)["results"])) == summarise(results)


def test_claims_are_shown_on_request():
    results = [study("a")]
    for claims in (False, True):
        text = " ".join(
            section.model_dump_json() for section in show(results, summarise(results), claims=claims).sections
        )
        assert ("claimed and measured" in text) == claims


def test_one_study_one_region(tmp_path):
    report = build([study("a", heart=None)], tmp_path)
    assert "1 study of cine" in report.lead
    assert "heart" not in json.dumps(
        [block.model_dump() for block in report.sections[0].blocks if block.kind == "text"]
    )


def test_many_patients_have_no_table_of_their_own(tmp_path):
    report = build([study(f"p{n}") for n in range(10)], tmp_path)
    captions = [block.caption for section in report.sections for block in section.blocks if block.kind == "table"]
    assert not any("each patient" in caption for caption in captions)
