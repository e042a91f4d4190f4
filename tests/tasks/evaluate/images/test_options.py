import pytest

from vesalius.errors import UsageError
from vesalius.tasks.evaluate.images.options import QualityOptions


@pytest.mark.parametrize(
    "options",
    [
        {"cuts": -1},
        {"batch": 0},
        {"size": (64,)},
        {"size": (4, 64)},
        {"area": (0.5, 0.2)},
        {"features": "none"},
        {"features": "none", "paired": True, "train": "m.jsonl"},
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(UsageError):
        QualityOptions(**options)


def test_pairs_alone_need_no_net():
    assert QualityOptions(features="none", paired=True).cuts == 0
