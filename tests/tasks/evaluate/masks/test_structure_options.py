from pathlib import Path

import pytest

from vesalius.errors import UsageError
from vesalius.tasks.evaluate.masks.structure_options import StructureOptions

MADE = Path("made.jsonl")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"judge": "x"}, "pass --generated"),
        ({"generated": MADE}, "name one of them"),
        ({"generated": MADE, "judge": "x", "quick": "red"}, "name one of them"),
        ({"generated": MADE, "judge": "x"}, "ceiling"),
        ({"generated": MADE, "judge": "x", "real": MADE, "judge_size": (4, 4)}, "128,128"),
    ],
)
def test_options_that_do_not_go_together(options, words):
    with pytest.raises(UsageError, match=words):
        StructureOptions(**options)


def test_nothing_is_asked_by_default():
    assert StructureOptions().generated is None
