"""No module imports itself by way of others: a reader can always begin at the bottom."""

from house.imports import circles, imports


def test_no_module_of_src_lies_on_a_circle():
    graph = imports()
    assert len(graph) > 300
    assert "vesalius.errors" in graph["vesalius.scan.scan"]
    assert circles(graph) == []


def test_a_circle_is_found():
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set(), "e": {"f"}, "f": {"e"}}
    assert circles(graph) == [["a", "b", "c"], ["e", "f"]]
