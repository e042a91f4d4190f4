import pytest

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


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (2.5, "is 2.50 times smaller than the original, and"),
        (0.25, "takes 4.00 times the bytes of the original, which was stored with loss, and"),
    ],
)
def test_a_file_that_grows_is_not_called_smaller(tmp_path, ratio, words):
    subject = next(one for one in SUBJECTS if one.name == "ct")
    sentence = Demonstration(subject, tmp_path, 1)._sentence({"source_ratio": ratio, "equal": True})
    assert sentence.startswith(f"Without loss the file {words} comes back equal, by the reader of pydicom")


def test_frames_are_looked_through_beside_their_errors(tmp_path):
    (tmp_path / "scans").mkdir()
    subject = next(one for one in SUBJECTS if one.name == "example4d")
    result = Result()
    Demonstration(subject, tmp_path, 1).run(result)
    (viewer,) = (block for block in result.sections[0].blocks if block.kind == "viewer")
    targets = len(subject.targets)
    assert (len(viewer.panes), viewer.columns, len(viewer.frames)) == (1 + 2 * targets, 1 + targets, 2)
    assert set(viewer.sheets) | {viewer.still} <= set(result.figures)
