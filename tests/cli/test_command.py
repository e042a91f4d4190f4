"""`--memory` is an option of every verb and sets the limit of the process."""

import nibabel as nib
import numpy as np
import pytest
import typer

from vesalius import memory
from vesalius.cli.main import app


def _verbs(command):
    for child in getattr(command, "commands", {"": command}).values():
        yield from _verbs(child) if hasattr(child, "commands") else [child]


def test_every_verb_has_it_once():
    verbs = list(_verbs(typer.main.get_command(app)))
    assert len(verbs) > 15
    assert all(sum("--memory" in parameter.opts for parameter in verb.params) == 1 for verb in verbs)


@pytest.mark.parametrize(("words", "allowed"), [("1MiB", "1 MiB"), ("0.002", "2 MiB")])
def test_it_is_the_limit_of_the_readers(tmp_path, vesalius, words, allowed):
    path = tmp_path / "zeros.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((100, 100, 100), np.int16), np.eye(4)), path)
    error = vesalius("convert", path, "-o", tmp_path / "out.nii", "--memory", words).error
    assert error.startswith(f"{path}: needs 6 MiB of memory, {allowed} are allowed; raise --memory, or uncompress")
    assert not (tmp_path / "out.nii").exists()
    assert vesalius("convert", path, "-o", tmp_path / "out.nii").code == 0  # the next command has its own limit
    assert memory.limit_bytes() > 1 << 28


def test_a_wrong_amount_is_a_usage_error(vesalius):
    assert vesalius("info", "--memory", "lots").error.startswith("--memory: 'lots' is not an amount of memory")
