import pytest

from vesalius.errors import UsageError
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig


def test_names_are_stripped_and_empty_ones_left_out():
    assert CodecEvaluationConfig(coders=(" svtav1", " ", "x265")).coders == ("svtav1", "x265")


def test_wrong_values_are_one_line():
    with pytest.raises(UsageError, match="points"):
        CodecEvaluationConfig(points=0)
    with pytest.raises(UsageError, match="coders"):
        CodecEvaluationConfig(coders=(1,))
