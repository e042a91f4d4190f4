from dataclasses import dataclass, field
from typing import Literal

import nibabel as nib
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from vesalius import memory
from vesalius.cli import main
from vesalius.cli.options import numbers, with_options
from vesalius.errors import UsageError
from vesalius.scan.reading import AS_STATED, Reading


@dataclass(frozen=True)
class Size:
    side: int = field(default=8, metadata={"help": "Pixels of a side.", "flag": "--edge PIXELS"})
    kind: Literal["flat", "deep"] = field(default="flat", metadata={"help": "Kind of the thing."})
    at: tuple[int, int] | None = field(default=None, metadata={"help": "Place.", "example": "7,7"})
    names: tuple[str, ...] = field(default=("a", "b"), metadata={"help": "Names."})
    hidden: int = 3


@dataclass(frozen=True)
class Words:
    loud: bool = field(default=False, metadata={"help": "Shout."})


def verb_with(seen):
    app = typer.Typer()

    @app.command()
    @with_options(without=("hidden",))
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
    given = ("--edge", "16", "--kind", "deep", "--at", "3,4", "--names", "c", "--loud", "--series", "1.2")
    assert chosen(*given) == (Size(16, "deep", (3, 4), ("c",)), Words(loud=True), Reading("1.2"))


def test_help_defaults_and_choices_come_from_the_class():
    shown = " ".join(CliRunner().invoke(verb_with([]), ["--help"]).output.split())
    for words in (
        "Pixels of a side.",
        "PIXELS",
        "[default: 8]",
        "[default: a,b]",
        "flat",
        "deep",
        "Shout.",
        "--series",
    ):
        assert words in shown
    assert "hidden" not in shown
    for wrong in (("--edge", "x"), ("--kind", "other")):
        assert CliRunner().invoke(verb_with([]), ["x", *wrong]).exit_code == 2


def test_an_error_names_the_flag():
    with pytest.raises(UsageError, match=r"^--at: .* write for instance 7,7"):
        chosen("--at", "7x7")


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


def _verbs(command):
    for child in getattr(command, "commands", {"": command}).values():
        yield from _verbs(child) if hasattr(child, "commands") else [child]


def test_every_verb_has_memory_once():
    verbs = list(_verbs(typer.main.get_command(main.app)))
    assert len(verbs) > 15
    assert all(sum("--memory" in parameter.opts for parameter in verb.params) == 1 for verb in verbs)


@pytest.mark.parametrize(("words", "allowed"), [("1MiB", "1 MiB"), ("0.002", "2 MiB")])
def test_memory_is_the_limit_of_the_readers(tmp_path, vesalius, words, allowed):
    path = tmp_path / "zeros.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((100, 100, 100), np.int16), np.eye(4)), path)
    error = vesalius("convert", path, "-o", tmp_path / "out.nii", "--memory", words).error
    assert error.startswith(f"{path}: needs 6 MiB of memory, {allowed} are allowed; raise --memory, or uncompress")
    assert not (tmp_path / "out.nii").exists()
    assert vesalius("convert", path, "-o", tmp_path / "out.nii").code == 0  # the next command has its own limit
    assert memory.limit_bytes() > 1 << 28


def test_a_wrong_amount_of_memory_is_a_usage_error(vesalius):
    assert vesalius("info", "--memory", "lots").error.startswith("--memory: 'lots' is not an amount of memory")
