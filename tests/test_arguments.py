from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from vesalius.arguments import PathLike, Paths, checked, path_list
from vesalius.errors import UsageError


@dataclass(frozen=True)
class Options:
    psnr: float | None = None


@checked
def verb(
    paths: Paths,
    output: PathLike | None = None,
    options: Options | None = None,
    *,
    size: tuple[int, int] | None = None,
    words: Sequence[str] = (),
    table: Mapping[str, int] | None = None,
    by: Literal["patient", "study"] = "patient",
    seed: int = 0,
    share: float = 0.5,
    force: bool = False,
    t: slice | None = None,
):
    return path_list(paths), seed


def test_paths_of_every_kind_are_a_list(tmp_path):
    (tmp_path / "a.nii").touch()
    for given in (tmp_path / "a.nii", str(tmp_path / "a.nii"), [tmp_path / "a.nii"], tmp_path.glob("*.nii")):
        assert verb(given) == ([tmp_path / "a.nii"], 0)


def test_numbers_of_numpy_and_lists_for_tuples_are_taken():
    assert verb("a", size=[1, np.int64(2)], seed=np.int16(3), share=np.float32(1), force=np.bool_(True))[1] == 3
    assert verb("a", share=1, options=Options(), words=("x",), by="study", t=slice(3))[1] == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"paths": 3}, "verb(paths=...): takes a path or a list of paths, not 3"),
        ({"paths": [3]}, "takes a path or a list of paths, not a list with 3"),
        ({"paths": iter([None])}, "None is not a path"),
        ({"output": ["a"]}, "verb(output=...): takes a path, not a list with a text"),
        ({"options": {"psnr": 40}}, "takes an Options, not a dict; pass Options(psnr=...)"),
        ({"psnr": 40}, "verb(psnr=...): is an option; pass options=vesalius.Options(psnr=...)"),
        ({"sed": 1}, "verb(sed=...): no such argument; did you mean seed?"),
        ({"size": (1, 2, 3)}, "takes 2 whole numbers, not a tuple with 1"),
        ({"words": "train.epochs=5"}, "takes a list of texts, not a text; pass a list: ['...']"),
        ({"table": 3}, "takes a dict, not 3"),
        ({"by": "patients"}, "takes one of 'patient', 'study', not a text; did you mean 'patient'?"),
        ({"seed": True}, "takes a whole number, not True"),
        ({"share": "1"}, "takes a number, not a text"),
        ({"force": 1}, "takes True or False, not 1"),
        ({"t": 4}, "takes a slice, not 4; pass slice(4, 5)"),
    ],
)
def test_a_wrong_argument_is_one_line_that_says_what_to_pass(given, message):
    with pytest.raises(UsageError) as caught:
        verb(**{"paths": Path("a"), **given})
    assert message in str(caught.value)


def test_too_few_arguments_show_the_call():
    with pytest.raises(UsageError, match=r"missing a required argument: `paths`; call verb\(paths, output=\.\.\."):
        verb()
