from vesalius.report.result import Result
from vesalius.tasks.demo.files import Demonstration
from vesalius.tasks.demo.subjects import SUBJECTS


def test_a_scan_becomes_rows_and_a_section(tmp_path):
    (tmp_path / "scans").mkdir()
    subject = next(one for one in SUBJECTS if one.name == "ct")
    result = Result()
    Demonstration(subject, tmp_path, 1).run(result)
    assert [row["target"] for row in result.rows] == ["lossless", *(target.words for target in subject.targets)]
    assert result.rows[0]["equal"] is True
    assert result.sections[0].title == subject.title
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans"]
