import math

import pytest

from vesalius.errors import ConfigError, InputError
from vesalius.metrics.operating import OperatingPoint
from vesalius.tasks.detect.settings import CALIBRATION, Calibration, DetectSettings


def test_calibration_is_kept_exactly(tmp_path):
    point = OperatingPoint((1.25, 1.25), (0.1 + 0.2, math.nan), 0.9, 40)
    Calibration.of(point, ("any", "sub")).write(tmp_path)
    assert "null" in (tmp_path / CALIBRATION).read_text()
    found = Calibration.read(tmp_path)
    assert found.classes == ("any", "sub")
    assert found.point.temperatures == point.temperatures
    assert found.point.thresholds[0] == point.thresholds[0]
    assert math.isnan(found.point.thresholds[1])
    assert (found.point.specificity, found.point.samples) == (0.9, 40)


def test_damaged_ones(tmp_path):
    with pytest.raises(InputError, match="no readable calibration"):
        Calibration.read(tmp_path)
    (tmp_path / CALIBRATION).write_text("{}")
    with pytest.raises(InputError, match="no readable calibration"):
        Calibration.read(tmp_path)
    with pytest.raises(ConfigError):
        DetectSettings.parse({"classes": [], "images": ["image"]})
