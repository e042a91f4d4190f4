from vesalius.report.result import Result


def test_the_last_verdict_counts():
    assert Result().judge("No", "bad").judge("Yes", "good").verdict.outcome == "good"


def test_a_section_is_added_and_filled():
    result = Result()
    result.section("First").text("Plain.")
    result.section("Second")
    assert [section.title for section in result.sections] == ["First", "Second"]
    assert result.sections[0].blocks[0].text == "Plain."
