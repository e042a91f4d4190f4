import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.detect.settings import DetectSettings


def test_a_model_has_a_class():
    assert DetectSettings.parse({"classes": ["any"], "images": ["image"]}).encoder is None
    with pytest.raises(ConfigError):
        DetectSettings.parse({"classes": [], "images": ["image"]})
