import pytest

from vesalius.errors import TrainingError
from vesalius.metrics.collapse import CollapseConfig

FLAT = {"spread": 0.0, "effective_rank": 1.0}


def test_only_equal_vectors_after_the_grace_end_a_run():
    rule = CollapseConfig(grace=2)
    rule.check(FLAT, 1, "wait")
    rule.check({"effective_rank": 1.0}, 9, "one vector alone")
    rule.check({"spread": 0.3, "effective_rank": 1.0}, 9, "wait")
    with pytest.raises(TrainingError, match=r"health: the encoder has collapsed after 2 epochs: .*; try this"):
        rule.check(FLAT, 2, "try this")
    assert not CollapseConfig(grace=0).judged(0)
