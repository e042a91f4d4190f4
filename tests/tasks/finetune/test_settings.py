import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.finetune.settings import FinetuneSettings


def test_classes_are_needed():
    assert FinetuneSettings(classes=("any",), images=("image",)).classes == ("any",)
    with pytest.raises(ConfigError):
        FinetuneSettings.parse({"classes": [], "images": ["image"]})
