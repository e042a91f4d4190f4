from tasks.evaluate.masks.test_summary import result
from vesalius.metrics.cardiac import Beat, Pumping
from vesalius.report.made import made
from vesalius.tasks.evaluate.masks.page import build_report
from vesalius.tasks.evaluate.masks.summary import summarise


def test_sections_chart_and_results(tmp_path):
    results = [result("a", "A", (3, 0.5, 2.0), notes=("odd",))]
    summary = summarise(results, [Beat("a", "A", Pumping(100, 50), Pumping(100, 50))], {})
    report = build_report(summary, results[0].rows, made("x", 1), tmp_path)
    titles = ["Overlap and distance", "Left ventricle", "Lowest", "Notes", "Definitions"]
    assert [one.title for one in report.sections] == titles
    assert report.figures == ["dice.png"]
    assert (tmp_path / "dice.png").exists()
    assert report.lead == "1 predicted mask of 1 patient against their references."
    assert report.results["classes"][0]["dice"]["mean"] == 0.5


def test_empty_masks_are_said_to_be_empty(tmp_path):
    summary = summarise([result("a", "A")], [], {})
    report = build_report(summary, (), made("x", 1), tmp_path)
    assert report.sections[0].blocks[0].text == "No mask holds any of the classes."
    assert report.figures == []
