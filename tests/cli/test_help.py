import re

from typer.main import get_command

from vesalius.cli.help import dressed, highlighted
from vesalius.cli.main import app
from vesalius.codec.coders.table import CODERS

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def helps(command, name="vesalius", above=None):
    """Name and help of every verb."""
    context = command.make_context(name.split()[-1], ["--help"], parent=above, resilient_parsing=True)
    children = getattr(command, "commands", {})
    if not children:
        yield name, command.get_help(context)
    for child, verb in children.items():
        yield from helps(verb, f"{name} {child}", context)


def test_every_verb_shows_two_examples_that_its_own_parser_takes():
    program = get_command(app)
    for name, text in helps(program):
        plain = ANSI.sub("", text)
        examples = plain.split("Examples:\n")[1].splitlines()
        assert len(examples) >= 2, name
        assert all(line.startswith(f"  {name}") for line in examples), name
        assert "{" not in plain.split("\n\n")[0], name
        assert "[[" not in plain, name
        if name == "vesalius compress":
            assert all(coder in plain for coder in CODERS)


def test_headings_and_names_are_coloured(monkeypatch):
    text = "Usage: vesalius x [OPTIONS] {PATH...}...\n\n  Text {fold}.\n\nOptions:\n  -q, --quiet  Print none."
    shown = dressed(text)
    assert shown.startswith("\x1b[1mUsage:\x1b[0m vesalius x [OPTIONS] PATH...\n")
    assert "\x1b[36m-q, --quiet\x1b[0m  Print none." in shown
    assert "Text {fold}." in shown
    assert highlighted("  caveat: tilted") == "  \x1b[33mcaveat:\x1b[0m tilted"
    assert highlighted("failed  a.nii") == "\x1b[31mfailed\x1b[0m  a.nii"
    assert highlighted("notes.nii") == "notes.nii"
    monkeypatch.setenv("NO_COLOR", "1")
    assert dressed(text) == ANSI.sub("", shown)
