import io

import numpy as np
from PIL import Image

from vesalius.report.style import look
from vesalius.report.volumes import volume_curve


def coloured(png, colour):
    rgb = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return int((np.abs(rgb - wanted).max(-1) < 30).sum())


def test_dots_and_where_it_was_used_the_curve():
    volumes = np.array([100.0, 80, 50, 70, 95])
    ends = {"ED": (0, 100.0), "ES": (2, 50.0)}
    bare, curved = volume_curve(volumes, None, ends, "lv"), volume_curve(volumes, volumes + 5, ends, "lv")
    assert coloured(bare, look(0).colour) > 200
    assert coloured(bare, look(1).colour) == 0
    assert coloured(curved, look(1).colour) > 500
