from tasks.evaluate.masks.test_summary import result
from vesalius.metrics.cardiac import Beat, Pumping
from vesalius.tasks.evaluate.masks.page import result_of
from vesalius.tasks.evaluate.masks.summary import summarise


def test_sections_chart_and_results():
    results = [result("a", "A", (3, 0.5, 2.0), notes=("odd",))]
    summary = summarise(results, [Beat("a", "A", Pumping(100, 50), Pumping(100, 50))], {})
    page = result_of(summary, results[0].rows, {"A": "a"}, {"b": "no predicted mask"})
    titles = ["Overlap and distance", "Left ventricle", "Lowest", "Notes", "Definitions"]
    assert [one.title for one in page.sections] == titles
    assert [block.kind for block in page.sections[0].blocks] == ["table", "figure", "table"]
    assert page.figures["dice.png"].startswith(b"\x89PNG")
    assert page.results["classes"][0]["dice"]["mean"] == 0.5
    assert (page.rows[0]["patient_case"], page.failures) == ("a", {"b": "no predicted mask"})


def test_empty_masks_are_said_to_be_empty():
    page = result_of(summarise([result("a", "A")], [], {}), (), {"A": "a"}, {})
    assert page.sections[0].blocks[0].text == "No mask holds any of the classes."
    assert page.figures == {}
