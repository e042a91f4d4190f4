import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.classify.options import ClassifyOptions


def test_defaults_and_bounds():
    assert (ClassifyOptions().top_k, ClassifyOptions().heat_map) == (5, "logit")
    with pytest.raises(ConfigError, match="top_k"):
        ClassifyOptions.build(top_k=0)
