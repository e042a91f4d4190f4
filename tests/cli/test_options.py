import os
from dataclasses import dataclass, field
from typing import Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from vesalius.cli import options
from vesalius.cli.options import cores, numbers, with_options
from vesalius.config import Config
from vesalius.errors import ConfigError, UsageError
from vesalius.scan.reading import AS_STATED, Reading


def test_cores_are_those_this_process_may_use(monkeypatch):
    assert cores() >= 1
    if hasattr(os, "sched_getaffinity"):
        assert cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(options.os, "sched_getaffinity", raising=False)
    assert cores() == os.cpu_count()
    monkeypatch.setattr(options.os, "cpu_count", lambda: None)
    assert cores() == 1


class Size(Config):
    side: int = Field(default=8, ge=2, le=64, description="Pixels of a side.")
    share: float = Field(default=0.5, lt=1, description="Share that stays.")
    kind: Literal["flat", "deep"] = Field(default="flat", description="Kind of the thing.")
    at: tuple[int, int] | None = Field(default=None, description="Place.", examples=["7,7"])
    hidden: int = Field(default=3, description="Not an option.")


@dataclass(frozen=True)
class Words:
    loud: bool = field(default=False, metadata={"help": "Shout."})


def verb_with(seen):
    app = typer.Typer()

    @app.command()
    @with_options(flags={"side": "--edge PIXELS"}, without=("hidden",))
    def verb(path: str, size: Size, words: Words, reading: Reading = AS_STATED, quiet: bool = False) -> None:
        assert (path, quiet) == ("x", False)
        seen.append((size, words, reading))

    return app


def chosen(*arguments):
    seen = []
    result = CliRunner().invoke(verb_with(seen), ["x", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_fields_become_options_and_one_object():
    assert chosen() == (Size(), Words(), AS_STATED)
    given = ("--edge", "16", "--share", "0.25", "--kind", "deep", "--at", "3,4", "--loud", "--series", "1.2")
    assert chosen(*given) == (Size(side=16, share=0.25, kind="deep", at=(3, 4)), Words(loud=True), Reading("1.2"))


def test_help_choices_and_bounds_come_from_the_class():
    shown = " ".join(CliRunner().invoke(verb_with([]), ["--help"]).output.split())
    for words in ("Pixels of a side.", "PIXELS", "2<=x<=64", "Share that stays.", "flat", "deep", "Shout.", "--series"):
        assert words in shown
    assert "hidden" not in shown
    for wrong in (("--edge", "1"), ("--kind", "other")):
        assert CliRunner().invoke(verb_with([]), ["x", *wrong]).exit_code == 2


def test_errors_name_the_flag():
    with pytest.raises(ConfigError, match=r"^--share: 1\.0 was given"):
        chosen("--share", "1")
    with pytest.raises(UsageError, match=r"^--at: .* write for instance 7,7"):
        chosen("--at", "7x7")
    with pytest.raises(ConfigError, match=r"^--at: "):
        chosen("--at", "1,2,3")


def test_every_choice_of_reading_has_an_option():
    given = ["--series", "1.2", "--orientation", "coronal", "--assume-rescale", "2,-1024.5", "--spacing-from", "pixdim"]
    assert chosen(*given)[2] == Reading("1.2", "coronal", (2.0, -1024.5), "pixdim")


@pytest.mark.parametrize("text", ["1", "1,2,3", "0,5", "nan,1", "1,inf", "a,b"])
def test_a_rescaling_is_two_numbers(text):
    with pytest.raises(UsageError, match=r"--assume-rescale: .* write for instance 1,-1024"):
        chosen("--assume-rescale", text)


def test_numbers_are_read_from_text():
    assert numbers("64,32", int, "--size", "64,32,32") == (64, 32)
    assert numbers("1,2.5", float, "--spacing", "1,2.5") == (1.0, 2.5)
    for text in ("64x32", "", "1,,2"):
        with pytest.raises(UsageError, match=r"--size: .* is not a list of .*; write for instance 64,32"):
            numbers(text, int, "--size", "64,32")
