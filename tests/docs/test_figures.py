"""The page of measured figures is what docs/make_figures.py makes of the records and the cards."""

import json

import pytest


@pytest.fixture
def make_figures(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "docs")
    import make_figures

    return make_figures


def test_every_record_and_card_stands_on_the_page(repository, make_figures):
    page = (repository / "docs" / "figures.md").read_text(encoding="utf-8")
    assert page.startswith(make_figures.HEAD)
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in make_figures.RECORDS.glob("*.json")}
    assert records
    for name, record in records.items():
        assert make_figures.recorded(name, record) in page, f"run python docs/make_figures.py: {name}"
        assert record["command"].startswith(f"python bench/{name}.py")
    for model in make_figures.zoo_names():
        assert make_figures.card(model) in page, f"run python docs/make_figures.py: {model}"


def test_a_question_is_the_first_sentence(make_figures, tmp_path):
    script = tmp_path / "a.py"
    script.write_text('"""Does it help? It may.\n\nMore."""\n')
    assert make_figures.question(script) == "Does it help?"
