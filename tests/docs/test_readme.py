"""Chinese pages show the commands and figures of the English ones, and all pages only commands that exist."""

import re

import pytest

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
    import typer

    from vesalius.cli.main import app

    root = typer.main.get_command(app)
    shown = [words for words in map(str.split, _commands(repository / name)) if words[:1] == ["vesalius"]]
    for _, *words in shown:
        command = root
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), f"no command {words[:1]}"
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)} <= known


def test_both_say_what_it_is_not(repository):
    assert "not a medical device" in (repository / "README.md").read_text(encoding="utf-8")
    assert "不是医疗器械" in (repository / "README.zh-CN.md").read_text(encoding="utf-8")
