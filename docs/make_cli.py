"""The page `cli.md`, made from the command line itself whenever the documentation is built: a mkdocs hook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

HEAD = """# Commands

Made from the program itself; `vesalius COMMAND --help` says the same. Exit codes: 0 done; 2 something you can mend,
reported in one line that says what, where and how; 1 a bug in Vesalius."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add `cli.md` to the pages."""
    files.append(File.generated(config, "cli.md", content=page()))
    return files


def page() -> str:
    """The reference of all commands as Markdown."""
    from vesalius.cli.main import app

    parts = [HEAD]
    for name, command in _commands(typer.main.get_command(app), "vesalius"):
        parts += [f"## {name}", _prose(command.help), f"    {_usage(name, command.params)}", _table(command.params)]
        parts.append("\n".join(f"    {line}" for line in (command.epilog or "").splitlines()))
    return "\n\n".join(part for part in parts if part) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """All commands that are not groups, with their whole names. Typer's commands have no public type."""
    if not hasattr(command, "commands"):
        if not command.hidden:
            yield name, command
        return
    for word, child in command.commands.items():
        yield from _commands(child, f"{name} {word}")


def _usage(name: str, parameters: list[Any]) -> str:
    words = []
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            words.append(_word(parameter) if parameter.required else f"[{_word(parameter)}]")
        elif parameter.required:
            words.append(f"{parameter.opts[0]} {_word(parameter)}")
    return " ".join([name, *words, "[OPTIONS]"])


def _table(parameters: list[Any]) -> str:
    rows = [_row(parameter) for parameter in parameters if not getattr(parameter, "hidden", False)]
    return "\n".join(["| option | meaning | default |", "|---|---|---|", *rows]) if rows else ""


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [_word(parameter)]
    cells = [" ".join(f"`{name}`" for name in names), " ".join((parameter.help or "").split()), _default(parameter)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _word(parameter: Any) -> str:
    return (parameter.metavar or parameter.name.upper()).strip("[]")


def _default(parameter: Any) -> str:
    """The default as `--help` shows it: a phrase where the option gives one, else its value."""
    shown, value = getattr(parameter, "show_default", True), parameter.default
    if isinstance(shown, str):
        return shown
    return f"`{value}`" if shown and isinstance(value, str | int | float | Path) and not isinstance(value, bool) else ""


def _prose(text: str | None) -> str:
    paragraphs = (text or "").replace("\b", " ").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
