from vesalius.app import html

EVIL = "<script>alert(1)</script>"


def test_every_text_is_escaped():
    pieces = [
        html.error(EVIL), html.status(EVIL), html.progress(0.2, EVIL), html.table([(EVIL,)], (EVIL,)),
        html.notes(EVIL, [EVIL]), html.legend([EVIL]),
    ]  # fmt: skip
    for piece in pieces:
        assert "<script" not in piece
        assert "&lt;script" in piece


def test_the_notice_and_the_bar():
    assert "Research use only, not a medical device" in html.notice()
    assert 'value="100"' in html.progress(7.0, "")
    assert html.notes("Caveats", []) == ""
    assert html.legend([]) == ""


def test_the_style_loads_nothing():
    assert "url(" not in html.CSS
    assert "@import" not in html.CSS
