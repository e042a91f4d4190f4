import json

import pytest

from vesalius.report.result import Result
from vesalius.tasks.demo import models


def show(folder):
    result, told = Result(), []
    models.show_models(result, folder, 1, told.append)
    return result, told


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The folder, the report and what was told of both models at work."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("models")
    return folder, *show(folder)


def test_each_model_is_run_and_told_beside_the_truth(shown):
    _, result, told = shown
    assert [section.title for section in result.sections] == [one.title for one in models.EXAMPLES] == told
    for section, example in zip(result.sections, models.EXAMPLES, strict=True):
        (facts,) = (dict(block.items) for block in section.blocks if block.kind == "definitions")
        assert facts["model"] == example.model
        assert facts["made with"]
        assert facts["found"]
        if example.title == models.HEAD:
            assert facts["a real CT of pydicom"].startswith("refused before the model runs: ")
        (viewer,) = (block for block in section.blocks if block.kind == "viewer")
        assert set(viewer.sheets) <= set(result.figures)
        assert f"{example.study}-truth.png" in result.figures  # as without torch, so that either may replace the other
        assert section.verdict.words.startswith(f"{example.study}: ")
        pictures = [block.file for block in section.blocks if block.kind == "figure"]
        assert pictures
        assert all(len(result.figures[name]) > 1000 for name in pictures)


def test_the_heart_that_is_found_is_near_the_one_that_was_drawn(shown):
    folder, result, _ = shown
    found = json.loads((folder / "models" / "heart" / "summary.json").read_text())["results"]["studies"]["heart"]
    (facts,) = (dict(block.items) for block in result.sections[0].blocks if block.kind == "definitions")
    ef_percent = float(facts["made with"].split()[-2])
    assert found["EF %"] == pytest.approx(ef_percent, abs=10)


def test_the_bleed_that_was_drawn_is_found(shown):
    folder, _, _ = shown
    classes = json.loads((folder / "models" / "head" / "head" / "summary.json").read_text())["classes"]
    assert classes["any"]["positive"] is True
    assert classes["intraparenchymal"]["positive"] is True


def test_without_torch_the_truth_alone_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "NEEDS", "no_such_package_at_all")
    result, told = show(tmp_path)
    assert told == [section.title for section in result.sections] == [one.title for one in models.EXAMPLES]
    for section, example in zip(result.sections, models.EXAMPLES, strict=True):
        assert [block.kind for block in section.blocks] == ["text", "figure"]
        assert len(result.figures[f"{example.study}-truth.png"]) > 10_000
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["head.nii.gz", "heart.nii.gz"]
    assert "vesalius[nets]" in models.MISSING
