from vesalius.cohort.audit.finding import Finding, gathered, some


def test_one_line():
    assert str(Finding("error", "bad-line", "line 3: no")) == "error: bad-line: line 3: no"
    assert some(["a", "b"]) == "a, b"
    assert some(map(str, range(9))) == "0, 1, 2, 3 and 5 more"
    assert gathered("note", "x", [], "y") == []
    (one,) = gathered("note", "x", ["a"], "y")
    assert (str(one), one.cases) == ("note: x: a: y", ("a",))
