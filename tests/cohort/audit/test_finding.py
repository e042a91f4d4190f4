from vesalius.cohort.audit.finding import Finding, gathered


def test_one_line():
    assert str(Finding("error", "bad-line", "line 3: no")) == "error: bad-line: line 3: no"
    assert gathered("note", "x", [], "y") == []
    (one,) = gathered("note", "x", ["a"], "y")
    assert (str(one), one.cases) == ("note: x: a: y", ("a",))
