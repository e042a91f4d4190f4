import pytest

from vesalius.report.page import Report
from vesalius.tasks.demo import models


def show(tmp_path):
    (tmp_path / "figures").mkdir()
    report, told = Report(title="t", task="demo"), []
    models.show_models(report, tmp_path, 1, told.append)
    return report, told


def test_each_model_is_run_and_told_beside_the_truth(tmp_path):
    pytest.importorskip("torch")
    report, told = show(tmp_path)
    assert [section.title for section in report.sections] == [one.title for one in models.EXAMPLES] == told
    for section, example in zip(report.sections, models.EXAMPLES, strict=True):
        (facts,) = (dict(block.items) for block in section.blocks if block.kind == "definitions")
        assert facts["model"] == example.model
        assert facts["made with"]
        assert facts["found"]
        pictures = [block.file for block in section.blocks if block.kind == "figure"]
        assert pictures
        assert all((tmp_path / "figures" / name).stat().st_size > 1000 for name in pictures)


def test_the_heart_that_is_found_is_near_the_one_that_was_drawn(tmp_path):
    pytest.importorskip("torch")
    import json

    show(tmp_path)
    found = json.loads((tmp_path / "models" / "heart" / "summary.json").read_text())["results"]["studies"]["heart"]
    truth = models.EXAMPLES[0].make(tmp_path / "again.nii.gz")
    ef_percent = float(truth.split()[-2])
    assert found["EF %"] == pytest.approx(ef_percent, abs=10)


def test_without_torch_it_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "NEEDS", "no_such_package_at_all")
    report, told = show(tmp_path)
    assert told == [models.MISSING]
    assert report.sections[0].blocks[0].text == models.MISSING
    assert "vesalius[nets]" in models.MISSING
