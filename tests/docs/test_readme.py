"""Chinese pages show the commands and figures of the English ones, and all pages only commands that exist."""

import re

import pytest
import typer

from vesalius.cli.main import app
from vesalius.tasks.train.keys import dotted, keys_of

DECIMAL = re.compile(r"\d+\.\d+")
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands(path):
    lines = "".join(BLOCK.findall(path.read_text(encoding="utf-8"))).splitlines()
    return [" ".join(line.partition("#")[0].split()) for line in lines if line.strip()]


@pytest.mark.parametrize(("english", "chinese"), [("README", "README.zh-CN"), ("docs/jobs", "docs/zh/jobs")])
def test_both_languages_show_the_same_commands(repository, english, chinese):
    assert _commands(repository / f"{english}.md") == _commands(repository / f"{chinese}.md")


@pytest.mark.parametrize("name", ["detection", "generation", "tokens"])
def test_a_chinese_page_says_nothing_that_the_english_one_does_not(repository, name):
    english, chinese = (repository / "docs" / folder / f"{name}.md" for folder in (".", "zh"))
    assert set(_commands(chinese)) <= set(_commands(english))
    stated = [set(DECIMAL.findall(path.read_text(encoding="utf-8"))) for path in (chinese, english)]
    assert stated[0] <= stated[1]


PAGES = [
    *("index", "tutorial", "cohort-tutorial", "own-task", "training", "segmentation", "detection", "features"),
    *("finetuning", "jobs", "generation", "zh/jobs", "zh/detection", "zh/generation"),
]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", *(f"docs/{page}.md" for page in PAGES)])
def test_every_shown_option_exists(repository, name):
    for words in map(str.split, _commands(repository / name)):
        if words[:1] == ["vesalius"]:
            _check_options(words[1:])


def _check_options(words):
    """Assert that a command exists, with the options that follow it."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    assert not hasattr(command, "commands"), f"no command {words[:1]}"
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)} <= known


def test_the_page_for_meddinov3_stroke_names_commands_that_exist(repository):
    """Every line of the seed's description stands there; commands, options and keys of `train` are looked up."""
    text = (repository / "docs" / "from-meddinov3-stroke.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and not line.startswith("| there")]
    assert len(rows) >= 48
    assert all(len(row) >= 2 and row[1].strip(" |") for row in rows)
    shown = [code.split() for row in rows for code in re.findall(r"`(vesalius [^`]*)`", row[1])]
    assert len(shown) >= 30
    keys = set(dotted(keys_of("detect")))
    for words in shown:
        _check_options(words[1:])
        for key in (word.partition("=")[0] for word in words if words[1] == "train" and "=" in word):
            assert any(f"{key}.".startswith(f"{known}.") for known in keys), key
    settings = {code.partition("=")[0] for row in rows for code in re.findall(r"`([a-z_.]+=[^` ]*)`", row[1])}
    assert all(any(f"{key}.".startswith(f"{known}.") for known in keys) for key in settings)


def test_both_say_what_it_is_not(repository):
    assert "not a medical device" in (repository / "README.md").read_text(encoding="utf-8")
    assert "不是医疗器械" in (repository / "README.zh-CN.md").read_text(encoding="utf-8")
