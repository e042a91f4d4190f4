from vesalius.report.page import Report
from vesalius.tasks.demo.files import Demonstration
from vesalius.tasks.demo.subjects import SUBJECTS


def test_a_scan_becomes_rows_and_a_section(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "figures").mkdir()
    subject = next(one for one in SUBJECTS if one.name == "ct")
    report = Report(title="t", task="demo")
    rows = Demonstration(subject, tmp_path, 1).run(report)
    assert [row["target"] for row in rows] == ["lossless", *(target.words for target in subject.targets)]
    assert rows[0]["equal"] is True
    assert report.sections[0].title == subject.title
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "scans"]
