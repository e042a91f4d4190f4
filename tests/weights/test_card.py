import pytest
import yaml

from vesalius.weights.card import Card, CardFacts, DataSource, Number, read_card

CARD = Card(
    pipeline="image-segmentation",
    name="segment/cine-unet",
    summary="Left ventricle\nin cine MRI: a tiny net.",
    task="segment",
    licence="apache-2.0",
    data=(
        DataSource(name="Sunnybrook", licence="CC0", note="45 patients | all"),
        DataSource(name="phantoms", licence="none needed"),
    ),
    training="Dice and cross-entropy.",
    command="vesalius train segment/cine -o run",
    figures=(Number("Dice", "0.91 (0.88 to 0.93)", "12 held-out patients"),),
    limits=("Short-axis views only.",),
    base="nobody/other",
)
GENERAL = "It is not made for patients: no diagnosis, no treatment."


def front_of(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_front_matter_in_the_form_of_hubs():
    front = front_of(CARD.text())
    assert front == {
        "license": "apache-2.0",
        "library_name": "vesalius",
        "tags": ["medical-imaging", "segment"],
        "summary": "Left ventricle in cine MRI: a tiny net.",
        "pipeline_tag": "image-segmentation",
        "base_model": "nobody/other",
    }


def test_what_people_read():
    text = CARD.text()
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [
        "# segment/cine-unet",
        "## Data and licence",
        "## How it was trained",
        "## Measured",
        "## Limits",
    ]
    assert "**Research use only, not a medical device.**" in text
    assert "| Sunnybrook | CC0 | 45 patients \\| all |" in text
    assert "```bash\nvesalius train segment/cine -o run\n```" in text
    assert (
        "| measure | value | on |\n| --- | --- | --- |\n| Dice | 0.91 (0.88 to 0.93) | 12 held-out patients |" in text
    )
    assert "- Short-axis views only." in text
    assert "no diagnosis" in text


def test_nothing_measured_is_said():
    text = Card(name="x", summary="x", task="other", licence="Some License, with terms").text()
    assert "Nothing was measured." in text
    assert front_of(text)["license"] == "other"
    assert front_of(text)["license_name"] == "Some License, with terms"
    assert "pipeline_tag" not in front_of(text)


def test_read_as_written(tmp_path):
    assert CARD.write(tmp_path) == tmp_path / "README.md"
    assert read_card(tmp_path) == CardFacts(
        "apache-2.0",
        "Left ventricle in cine MRI: a tiny net.",
        ("Sunnybrook", "phantoms"),
        ("Short-axis views only.", GENERAL),
    )
    Card(name="x", summary="y", task="t", licence="A, B").write(tmp_path)
    assert read_card(tmp_path) == CardFacts("A, B", "y", (), (GENERAL,))


@pytest.mark.parametrize("text", [None, "", "# no front", "---\n: [\n---\n", "---\n- a\n---\n", "---\nlicense: x"])
def test_a_missing_or_damaged_card_tells_nothing(tmp_path, text):
    if text is not None:
        (tmp_path / "README.md").write_text(text)
    facts = read_card(tmp_path)
    assert (facts.licence, facts.summary) in {("unknown", ""), ("x", "")}
    assert facts.data == ()
    assert len(facts.caveats) == 1


def test_caveats_name_the_data_and_the_limits(tmp_path):
    """What a model was trained on stands first; a bar in a name is no end of a cell."""
    source = DataSource(name="drawings | heads", licence="CC0", note="made here")
    Card(name="x", summary="y", task="t", licence="A", data=(source, source), limits=("Adults only.",)).write(tmp_path)
    text = (tmp_path / "README.md").read_text() + "\n## Measured elsewhere\n\n- not a limit\n\n| a |\n| - |\n| b |\n"
    (tmp_path / "README.md").write_text(text)
    assert read_card(tmp_path).caveats == (
        "Trained on drawings | heads and drawings | heads only.",
        "Adults only.",
        GENERAL,
    )
    (tmp_path / "README.md").write_text("---\nsummary: x\n---\n")
    assert read_card(tmp_path).caveats == ("Its card does not say what the model was trained on.",)
    (tmp_path / "README.md").unlink()
    assert read_card(tmp_path).caveats[0].startswith("The model has no card")


def test_a_hostile_card_is_short_text(tmp_path):
    """Aliases of aliases, codes that move a terminal's cursor, a line without end."""
    aliases = "\n".join(
        f"{name}: &{name} [{', '.join(['*' + below] * 9)}]" for below, name in zip("abcd", "bcde", strict=True)
    )
    text = f'---\na: &a [x]\n{aliases}\nlicense: *e\nsummary: "\\e[2Jcleared"\n---\n\n## Limits\n\n- {"x" * 5000}\n'
    (tmp_path / "README.md").write_text(text)
    facts = read_card(tmp_path)
    assert (facts.licence, facts.summary) == ("unknown", "[2Jcleared")
    assert [len(limit) for limit in facts.limits] == [400]
    with (tmp_path / "README.md").open("a") as file:
        file.truncate(1 << 32)
    assert read_card(tmp_path) == CardFacts("unknown", "")
