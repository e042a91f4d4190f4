import json
import math

import pytest

from vesalius.errors import InputError
from vesalius.metrics.operating import OperatingPoint
from vesalius.tasks.classify.calibration import CALIBRATION, Calibration


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperatures": [1.5, 1.5, 1.5]},
        {"thresholds": [0.5]},
        {"temperatures": [0.0, 1.5]},
        {"temperatures": [1.5, -1.0]},
        {"temperatures": [1.5, float("inf")]},
        {"temperatures": [float("nan"), 1.5]},
        {"thresholds": [0.5, 1.5]},
        {"thresholds": [float("nan"), 0.5]},
    ],
)
def test_numbers_that_cannot_be(tmp_path, wrong):
    whole = {"classes": ["any", "sub"], "temperatures": [1.5, 1.5], "thresholds": [0.5, None]}
    whole |= {"specificity": 0.9, "samples": 40}
    (tmp_path / CALIBRATION).write_text(json.dumps(whole))
    assert Calibration.read(tmp_path).thresholds == (0.5, None)
    highest = math.nextafter(1.0, 2.0)  # that no study reaches
    (tmp_path / CALIBRATION).write_text(json.dumps(whole | {"thresholds": [highest, None]}))
    assert Calibration.read(tmp_path).thresholds == (highest, None)
    (tmp_path / CALIBRATION).write_text(json.dumps(whole | wrong))
    with pytest.raises(InputError, match=f"{CALIBRATION}: is not a readable calibration; get the model folder again"):
        Calibration.read(tmp_path)


def test_damaged_ones(tmp_path):
    with pytest.raises(InputError, match="not a readable calibration"):
        Calibration.read(tmp_path)
    (tmp_path / CALIBRATION).write_text("{}")
    with pytest.raises(InputError, match="not a readable calibration"):
        Calibration.read(tmp_path)
