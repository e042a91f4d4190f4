"""The page `cli.md`, made from the command line itself whenever the documentation is built: a mkdocs hook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

HEAD = """# Commands

Made from the program itself; `vesalius COMMAND --help` says the same. Exit codes: 0 done; 2 something you can mend,
told in one line that says what, where and how; 1 a fault of Vesalius."""


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
    for one in parameters:
        if one.param_type_name == "argument":
            word = one.name.upper() + ("..." if one.nargs == -1 else "")
            words.append(word if one.required else f"[{word}]")
        elif one.required:
            words.append(f"{one.opts[0]} {one.name.upper()}")
    return " ".join([name, *words, "[OPTIONS]"])


def _table(parameters: list[Any]) -> str:
    rows = [_row(one) for one in parameters if not getattr(one, "hidden", False)]
    return "\n".join(["| option | meaning | default |", "|---|---|---|", *rows]) if rows else ""


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.name.upper()]
    value = parameter.default
    default = f"`{value}`" if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    cells = [" ".join(f"`{name}`" for name in names), " ".join((parameter.help or "").split()), default]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _prose(text: str | None) -> str:
    paragraphs = (text or "").replace("\b", " ").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
