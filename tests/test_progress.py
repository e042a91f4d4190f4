from vesalius.progress import count, counted, show_counts


def test_counts_go_to_the_display_while_there_is_one():
    seen = []
    count(1, 2, "windows")
    show_counts(lambda *what: seen.append(what))
    assert list(counted(iter("abc"), 3, "chunks")) == ["a", "b", "c"]
    count(0.5, 2.0, "MB")
    show_counts(None)
    count(2, 2, "windows")
    assert seen == [(1, 3, "chunks"), (2, 3, "chunks"), (3, 3, "chunks"), (0.5, 2.0, "MB")]
