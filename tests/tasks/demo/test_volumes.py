import pytest

from vesalius.report.result import Result
from vesalius.tasks.demo import volumes


def test_the_section_shows_a_run_that_learns(tmp_path):
    pytest.importorskip("torch")
    from vesalius.training.record import read_record

    result = Result()
    volumes.show_volumes(result, tmp_path, 1, lambda line: None)
    (section,) = result.sections
    assert {block.kind for block in section.blocks} == {"text", "figure"}
    assert len(result.figures[volumes.CURVES]) > 10_000
    assert volumes.SLICES in result.figures  # as without torch, so that either may replace the other
    first, *_, last = [row for row in read_record(tmp_path / "models/volumes/encoder") if row["kind"] == "validation"]
    assert last["voco"] < first["voco"]
    assert last["label_correlation"] > first["label_correlation"] + 0.1


def test_without_torch_slices_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(volumes, "NEEDS", "no_such_package_at_all")
    result = Result()
    volumes.show_volumes(result, tmp_path, 1, lambda line: None)
    assert [block.kind for block in result.sections[0].blocks] == ["text", "figure"]
    assert len(result.figures[volumes.SLICES]) > 10_000
