from io import BytesIO

import numpy as np
from PIL import Image

from vesalius.tasks.generate.sheet import Row, sheet


def test_a_row_without_mask_or_other_caption_is_filled():
    picture = np.full((16, 16, 3), 90, np.uint8)
    full = Row(
        "a caption that is far too long for one line of a sheet",
        "other",
        picture,
        picture[:, :, 0] > 3,
        picture,
        picture,
    )
    bare = Row("", None, picture[:, :, :1], None, picture[:, :, :1], None)
    one, both = (Image.open(BytesIO(sheet(rows))) for rows in ([full], [full, bare]))
    assert one.width == both.width
    assert both.height > 1.8 * one.height
