"""Both READMEs show the same commands, and only commands that exist."""

import re

import pytest

BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands(path):
    lines = "".join(BLOCK.findall(path.read_text(encoding="utf-8"))).splitlines()
    return [" ".join(line.partition("#")[0].split()) for line in lines if line.strip()]


def test_the_chinese_readme_shows_the_same_commands(repository):
    assert _commands(repository / "README.md") == _commands(repository / "README.zh-CN.md")


PAGES = [
    *("index", "tutorial", "cohort-tutorial", "own-task", "training", "segmentation", "detection", "features"),
    "finetuning",
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
