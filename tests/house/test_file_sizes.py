"""A file is short enough to be read to its end."""

from house.files import python_files, shown

MOST_LINES = 500


def test_no_python_file_is_longer_than_500_lines():
    lines = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(".")}
    assert len(lines) > 20
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
