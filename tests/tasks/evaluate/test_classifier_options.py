from pathlib import Path

import pytest

from vesalius.errors import UsageError
from vesalius.tasks.evaluate.classifier_options import ClassifierOptions


def test_one_cohort_or_vectors():
    ClassifierOptions(split="test").check(Path("m.jsonl"))
    ClassifierOptions(embeddings=Path("x.npy"), labels=Path("y.npy")).check(None)
    with pytest.raises(UsageError, match="there is nothing to measure on"):
        ClassifierOptions().check(None)
