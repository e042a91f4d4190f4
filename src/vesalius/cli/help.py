"""How help looks: two examples after the options, plain names of arguments, colours where a terminal takes them.

The examples of a verb are the section `Examples:` at the end of its docstring. typer strips colours where the output is
no terminal.
"""

from __future__ import annotations

import inspect
import os
import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_LISTS = ("Arguments:", "Options:", "Commands:", "Examples:")
_NAME = re.compile(r"^  (\S.*?)(?=  |$)")
_BRACES = re.compile(r"\{([^{}]+)\}(?:\.\.\.)?")
_TWICE = re.compile(r"\[(\[.+?\](?:\.\.\.)?)\](?:\.\.\.)?")
_KIND = re.compile(r" (<[\w\[\] ]+>)(?=  |$)")
"""Python type beside the name of an argument; the name says what it is."""
_CAVEAT = re.compile(r"^(\s*)(note|caveat|limits|lost|failed)\b:?")


class _Dressed:
    """What verbs and groups share."""

    epilog: str | None

    def get_help(self, ctx: Any) -> str:
        return dressed(super().get_help(ctx))  # type: ignore[misc]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the examples, a line each."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"  {line}\n")


class Command(_Dressed, TyperCommand):
    """A verb."""


class Group(_Dressed, TyperGroup):
    """The program, or a group of verbs."""


def with_examples(app: typer.Typer) -> None:
    """Move the examples of all verbs of `app` and of its groups from their docstrings to the end of their help."""
    app.info.cls = Group
    for verb in app.registered_commands:
        text, _, examples = (inspect.getdoc(verb.callback) or "").partition("\nExamples:\n")
        verb.help, verb.epilog, verb.cls = text, inspect.cleandoc(examples), Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance is not None:
            with_examples(group.typer_instance)


def dressed(text: str) -> str:
    """Return a help text with plain names of arguments, headings in bold and names in colour."""
    usage, blank, rest = text.partition("\n\n")
    usage = _TWICE.sub(r"\1", _BRACES.sub(r"\1", usage))
    lines, section = [], ""
    for line in (usage + blank + rest).splitlines():
        if line in _LISTS:
            section = line
        if line.startswith("Usage:"):
            line = _styled("Usage:", bold=True) + line.removeprefix("Usage:")
        elif line in _LISTS:
            line = _styled(line, bold=True)
        elif section == "Arguments:":
            line = _NAME.sub(_argument, line)
        elif section and section != "Examples:" and not line.startswith("   "):
            line = _NAME.sub(lambda match: "  " + _styled(match[1], fg="cyan"), line)
        lines.append(line)
    return "\n".join(lines)


def _argument(match: re.Match[str]) -> str:
    name = _KIND.sub("", match[1])
    return "  " + _styled(name, fg="cyan") + " " * (len(match[1]) - len(name))


def highlighted(line: str) -> str:
    """Return a line of a result whose first word is a caveat, with that word in colour."""

    def word(match: re.Match[str]) -> str:
        colour = "red" if match[2] in ("failed", "lost") else "yellow"
        return match[1] + _styled(match[0][len(match[1]) :], fg=colour)

    return _CAVEAT.sub(word, line)


def error_word() -> str:
    """The word that begins the line of an error."""
    return _styled("error:", fg="red", bold=True)


def _styled(text: str, **style: Any) -> str:
    """Colour a text, unless the user wants none (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else typer.style(text, **style)
