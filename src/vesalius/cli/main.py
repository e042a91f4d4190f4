"""The `vesalius` command: one verb per job.

Each verb imports its libraries when it runs, so that `--help` starts fast. Exit codes: 0 done, 2 an error that the user
can mend (one line on stderr), 1 a bug (traceback), 130 interrupted.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Annotated

import typer

import vesalius
from vesalius.cli import app as web_page
from vesalius.cli import (
    cohort,
    compress,
    demo,
    embed,
    evaluate,
    generate,
    inspect,
    phantom,
    predict,
    search,
    train,
    weights,
)
from vesalius.cli.display import close_display
from vesalius.cli.help import with_examples
from vesalius.cli.options import with_memory
from vesalius.cli.show import fail
from vesalius.errors import InputError, UsageError, VesaliusError

_INTERRUPTED, _ENDED = 130, 143
_COMPLETE = "_VESALIUS_COMPLETE"
"""Set by the shell's completion, see --show-completion."""

app = typer.Typer(
    name="vesalius",
    help="Medical scans into compact, tested representations and back. Research use only, not a medical device.",
    epilog="vesalius demo\nvesalius compress study.nii.gz -o study.vsl\nvesalius info",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help starts three times slower
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command()(inspect.inspect)
app.command()(inspect.convert)
app.add_typer(cohort.app, name="cohort")
app.add_typer(phantom.app, name="phantom")
app.command()(compress.compress)
app.command()(compress.decompress)
app.command()(compress.verify)
app.command()(train.train)
app.command()(predict.predict)
app.command()(embed.embed)
app.command()(search.search)
app.command()(generate.generate)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(weights.app, name="weights")
app.command()(weights.export)
app.command()(evaluate.report)
app.command()(web_page.app)
app.command()(inspect.info)
with_memory(app)
with_examples(app)


def _version(is_given: bool) -> None:
    if is_given:
        typer.echo(f"vesalius {vesalius.__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    arguments = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    _clean_up_when_ended()
    _print_any_name()
    _silence_logs()
    as_json = "--json" in arguments
    try:
        code = app(arguments, standalone_mode=False, prog_name="vesalius")
    except VesaliusError as error:
        code = fail(str(error), as_json)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except _Ended:
        code = fail("ended from outside", as_json, _ENDED)
    except (BrokenPipeError, SystemExit):  # typer leaves with SystemExit(1) where a pipe was closed
        if _COMPLETE in os.environ:  # or after the answer to a shell that completes a word
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        close_display()
        if type(error).__name__ == "NoArgsIsHelpError":  # a group of verbs without a verb
            typer.echo(getattr(error, "message", ""))
            sys.exit(0)
        line = _line_of(error, arguments)
        if line is None:
            raise
        code = fail(line, as_json)
    close_display()
    if code == _INTERRUPTED:  # typer turns an interrupt into this code
        fail("interrupted", as_json)
    sys.exit(code or 0)


def _line_of(error: Exception, arguments: Sequence[str]) -> str | None:
    """Return the line for an error of the system or of Python that the user can mend; None for a bug."""
    if isinstance(error, UnicodeEncodeError):  # only file names hold undecodable bytes
        name = str(error.object)[max(0, error.start - 60) : error.end + 60]
        return str(InputError("a name is not UTF-8", where=name, fix="rename the file or folder"))
    if isinstance(error, ValueError) and str(error).startswith("embedded null"):
        return str(UsageError("a name holds a NUL character, which no file can have"))
    if isinstance(error, OSError) and error.strerror:
        return str(InputError(error.strerror.lower(), where=error.filename))
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer --threads or a machine with more"
    message = getattr(error, "format_message", None)  # typer's own usage errors
    return None if message is None else _usage(error, message(), arguments)


def _print_any_name() -> None:
    """Print names that are not UTF-8, or not in the locale's encoding, with escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_logs() -> None:
    """Silence logs of libraries: problems of readers stand in errors and notes."""
    logging.getLogger().addHandler(logging.NullHandler())


class _Ended(BaseException):
    """A signal ended the process: not an Exception, so that only clean-up code runs on the way out."""


def _clean_up_when_ended() -> None:
    """Let SIGTERM and SIGHUP (batch system, closed terminal) remove half-written files, as Ctrl-C does."""

    def end(number: int, frame: object) -> None:  # noqa: ARG001
        raise _Ended

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), end)


def _usage(error: Exception, message: str, arguments: Sequence[str]) -> str:
    """Return typer's message in one line, with a hint and the command that shows help."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "vesalius"
    text = " ".join(message.split()).replace(": Value error, ", ": ") or "give a command"  # pydantic's words in typer
    if type(error).__name__ == "NoSuchOption":
        from vesalius.cli.hints import hint

        option = str(getattr(error, "option_name", ""))
        hinted = hint(option, command.split()[-1], arguments)
        text = text if hinted is None else f"No such option: {option}; {hinted}"
    return f"{text.rstrip('.')}; see {command} --help"
