import io

import pytest
from PIL import Image

from vesalius.report.curves import curves


def test_one_panel_for_each_key_that_has_points():
    points = [(step, 1 / (step + 1)) for step in range(100)]
    one = Image.open(io.BytesIO(curves({"Training": {"loss": points}, "Validation": {}})))
    two = Image.open(
        io.BytesIO(curves({"Training": {"loss": points}, "Validation": {"dice": points[:5], "b": points}}))
    )
    assert two.width > one.width
    assert two.height == one.height


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no curve"):
        curves({"Training": {"loss": []}})
